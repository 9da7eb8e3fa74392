import { Controller, Get, Header } from '@nestjs/common';
import { stylesheet, stylesheetPath } from './pages/index.ts';

/** The one asset of the pages; its path carries its hash, so it may be kept for ever. */
@Controller()
export class PageAssetsController {
  @Get(stylesheetPath)
  @Header('cache-control', 'public, max-age=31536000, immutable')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('x-content-type-options', 'nosniff')
  stylesheet(): string {
    return stylesheet;
  }
}
