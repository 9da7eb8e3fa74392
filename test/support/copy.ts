import { AuthorizationModule, OPEN_PATHS } from '@grantkeeper/authorization-app';
import { createHttpApplication, Platform, PlatformModule } from '@grantkeeper/platform';
import { type DynamicModule, Module } from '@nestjs/common';
import { freePort, type RunningProduct } from './product.ts';

@Module({})
class CopyModule {}

/** Another copy of the authorization server on the product's database, with the product's issuers, at a port of its own. */
export async function startCopy(
  product: RunningProduct,
  redisUrl: string | null,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const platform = await Platform.open({
    databaseUrl: product.databaseUrl,
    queueDatabaseUrl: product.databaseUrl,
    redisUrl,
    masterKeys: product.masterKeys,
    outboundAllowLoopback: false,
    onError: () => undefined,
  });
  const module: DynamicModule = {
    module: CopyModule,
    imports: [PlatformModule.of(platform), AuthorizationModule.register(product.summary)],
  };
  const app = await createHttpApplication(module, { trustProxy: 1, logger: false, openPaths: OPEN_PATHS });
  const port = await freePort();
  await app.listen(port, '127.0.0.1');
  return {
    url: `http://localhost:${port}`,
    async stop() {
      await app.close();
      await platform.close();
    },
  };
}
