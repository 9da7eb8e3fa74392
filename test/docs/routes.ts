import { type DynamicModule, RequestMethod, type Type } from '@nestjs/common';

/** The routes of a module's controllers, `:name` written as `{name}`. */
export function routesOf(module: DynamicModule): string[] {
  return (module.controllers ?? []).flatMap((controller) => [...handlersOf(controller)]).sort();
}

function* handlersOf(controller: Type): Generator<string> {
  const prototype = controller.prototype as object;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
    if (typeof handler !== 'function' || !Reflect.hasMetadata('method', handler)) continue;
    const method = RequestMethod[Reflect.getMetadata('method', handler) as RequestMethod];
    for (const prefix of pathsOf(controller)) {
      for (const path of pathsOf(handler)) {
        const whole = `/${[prefix, path]
          .flatMap((part) => part.split('/'))
          .filter(Boolean)
          .join('/')}`;
        yield `${method} ${whole.replaceAll(/:(\w+)/g, '{$1}')}`;
      }
    }
  }
}

function pathsOf(target: object): string[] {
  const path = Reflect.getMetadata('path', target) as string | string[];
  return Array.isArray(path) ? path : [path];
}
