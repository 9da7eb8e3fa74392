import { eventCatalogue } from '@grantkeeper/domain';
import { REVOCATION_EVENTS } from './revocation-notice.ts';

test('every event of the catalogue that ends access is told to admins', () => {
  const ending = eventCatalogue.filter((definition) => definition.endsAccess).map(({ type }) => type);
  expect(ending.length).toBeGreaterThan(0);
  expect(ending.filter((type) => !REVOCATION_EVENTS.has(type))).toEqual([]);
});
