/** Requirements that no test shows yet; the page says so. To be emptied. */
export const NOT_YET: readonly string[] = [
  'CIMD-01',
  'CIMD-11',
  'CIMD-12',
  'CIMD-26',
  'CIMD-27',
  'OA-07',
  'OA-13',
  'RFC-13',
  'RFC-15',
  'RFC-18',
];
