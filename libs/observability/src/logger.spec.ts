import { createLogger } from './logger.ts';
import { NestLogger } from './nest-logger.ts';

function recording(level = 'trace') {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', level, destination: { write: (line: string) => void lines.push(line) } });
  return {
    logger,
    text: () => lines.join(''),
    last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> & { err?: { stack?: string } },
  };
}

describe('createLogger', () => {
  test.each([
    'authorization',
    'Authorization',
    'cookie',
    'set-cookie',
    'token',
    'code',
    'password',
    'secret',
    'client_secret',
    'clientSecret',
    'refresh_token',
    'access_token',
    'assertion',
    'client_assertion',
    'code_verifier',
    'codeVerifier',
  ])('never writes the value of %s, at any depth', (name) => {
    const { logger, text } = recording();
    logger.info(
      {
        [name]: 's3cret',
        request: { headers: { [name]: 's3cret' }, list: [{ deep: { deeper: { [name]: ['s3cret'] } } }] },
      },
      'seen',
    );
    logger.child({ [name]: 's3cret' }).info('child');
    expect(text()).not.toContain('s3cret');
    expect(text()).toContain('[redacted]');
  });

  test('keeps what is not secret', () => {
    const { logger, last } = recording();
    logger.warn({ tenant: 't', seq: 3, token_type: 'Bearer' }, 'a message');
    expect(last()).toMatchObject({
      level: 'warn',
      name: 'test',
      tenant: 't',
      seq: 3,
      token_type: 'Bearer',
      msg: 'a message',
    });
  });

  test('writes type, text, code, stack and causes of an error and none of its other properties', () => {
    const { logger, last, text } = recording();
    const cause = Object.assign(new Error('duplicate key'), {
      code: '23505',
      constraint: 'users_sub',
      detail: 'Key (email)=(ann@example.org)',
    });
    logger.error({ err: new Error('could not add', { cause }) }, 'failed');
    expect(last().err).toMatchObject({
      type: 'Error',
      message: 'could not add',
      cause: { code: '23505', constraint: 'users_sub' },
    });
    expect(last().err?.stack).toContain('logger.spec');
    expect(text()).not.toContain('ann@example.org');
  });

  test('writes no query of a URL', () => {
    const { logger, last } = recording();
    logger.info({ url: '/t/acme/callback?code=abc&state=def#x' });
    expect(last()['url']).toBe('/t/acme/callback');
  });

  test('survives circles', () => {
    const { logger, text } = recording();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    logger.info({ circle });
    expect(text()).toContain('[too deep]');
  });

  test('keeps to its level', () => {
    const { logger, text } = recording('warn');
    logger.info('quiet');
    expect(text()).toBe('');
  });
});

describe('NestLogger', () => {
  test('takes the last text as context', () => {
    const { logger, last } = recording();
    new NestLogger(logger).log('mapped', 'RouterExplorer');
    expect(last()).toMatchObject({ level: 'info', msg: 'mapped', context: 'RouterExplorer' });
  });

  test('keeps fields of an object, redacted', () => {
    const { logger, last } = recording();
    new NestLogger(logger).warn({ msg: 'refused', reason: 'http.500', password: 'p' }, 'consumers');
    expect(last()).toMatchObject({
      level: 'warn',
      msg: 'refused',
      reason: 'http.500',
      context: 'consumers',
      password: '[redacted]',
    });
  });

  test('tells a stack from a context', () => {
    const { logger, last } = recording();
    const error = new Error('broken');
    new NestLogger(logger).error('broken', error.stack, 'ExceptionsHandler');
    expect(last()).toMatchObject({ level: 'error', msg: 'broken', context: 'ExceptionsHandler', stack: error.stack });
  });

  test('logs an error with its stack', () => {
    const { logger, last } = recording();
    new NestLogger(logger).error(new Error('broken'));
    expect(last()).toMatchObject({ msg: 'broken', err: { type: 'Error', message: 'broken' } });
  });
});
