import { createServer } from 'node:net';
import { StartupError } from './startup-error.ts';

/**
 * Throws {@link StartupError} when nobody could listen on this port, before anything slow is begun. `also` are the
 * variables that have to go with another port.
 */
export async function checkPort(port: number, also?: (port: number) => string): Promise<void> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(port, resolve));
  } catch (error) {
    throw portFailure(error, port, also);
  }
  await new Promise((resolve) => probe.close(resolve));
}

/** The error in the words of the operator, if it is about listening on the port. */
export function portFailure(error: unknown, port: number, also: (port: number) => string = () => ''): unknown {
  const other = port === 65_535 ? 8080 : port + 1;
  switch ((error as NodeJS.ErrnoException | null)?.code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} is in use by another program. Stop that, or choose another port with PORT=${other}${also(other)}.`,
      );
    case 'EACCES':
      return new StartupError(`This user may not listen on port ${port}. Choose one above 1023, such as PORT=8080.`);
    default:
      return error;
  }
}
