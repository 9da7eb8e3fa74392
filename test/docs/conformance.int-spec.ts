import { allRequirements, conformanceDocument, idsIn, LAST, nameOf, testsById } from './conformance-document.ts';
import { generatedDocument, readRepositoryFile } from './documents.ts';
import { shownBy } from './requirements/shown-by.ts';
import { testTitles } from './test-titles.ts';

describe('docs/conformance.md', () => {
  const titles = testTitles();

  test('is what the list of requirements and the names of the tests say (npm run docs)', () => {
    const expected = conformanceDocument();
    expect(generatedDocument('docs/conformance.md', expected)).toBe(expected);
  });

  test('has every id exactly once', () => {
    const listed = [...readRepositoryFile('docs/conformance.md').matchAll(/^\| ([A-Z]+-\d{2}) \|/gm)].map(
      ([, id]) => id,
    );
    const wanted = Object.entries(LAST).flatMap(([family, last]) =>
      Array.from({ length: last }, (_, index) => `${family}-${String(index + 1).padStart(2, '0')}`),
    );
    expect(listed).toHaveLength(wanted.length);
    expect(new Set(listed)).toEqual(new Set(wanted));
  });

  test('knows every id that a test names', () => {
    const known = new Set(allRequirements.map(({ id }) => id));
    expect(
      titles.flatMap((title) =>
        idsIn(title)
          .filter((id) => !known.has(id))
          .map((id) => [title.file, id]),
      ),
    ).toEqual([]);
  });

  test('cites tests that are there', () => {
    const there = new Set(titles.map(nameOf));
    const cited = Object.entries(shownBy).flatMap(([id, names]) => names.map((name) => [id, name] as const));
    const known = new Set(allRequirements.map(({ id }) => id));
    expect(cited.filter(([id, name]) => !there.has(name) || !known.has(id))).toEqual([]);
  });

  test('has a test or a reason for every requirement', () => {
    const tests = testsById(titles);
    const open = allRequirements.filter(({ id, because }) => !tests.has(id) && !because).map(({ id }) => id);
    expect(open).toEqual([]);
  });
});
