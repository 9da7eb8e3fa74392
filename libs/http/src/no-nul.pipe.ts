import { type ArgumentMetadata, NotFoundException, type PipeTransform } from '@nestjs/common';

/** U+0000, which no PostgreSQL text can hold: an address with it leads nowhere. */
export class NoNulPipe implements PipeTransform {
  transform(value: unknown, { type }: ArgumentMetadata): unknown {
    if (type === 'param' && typeof value === 'string' && value.includes('\0')) throw new NotFoundException();
    return value;
  }
}
