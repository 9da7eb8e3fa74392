import { describe, expect, it } from '@jest/globals';
import { stylesheet, stylesheetPath } from './stylesheet.ts';

const [light = {}, dark = {}] = stylesheet
  .split('prefers-color-scheme: dark')
  .map((part) =>
    Object.fromEntries([...part.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!])),
  );

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

describe('stylesheet', () => {
  // WCAG 2.2 AA: 4.5 for text, 3 for what shows where a control is. Checked here because a tool cannot judge text on a gradient.
  describe.each([
    ['light', light],
    ['dark', dark],
  ] as const)('in the %s scheme', (_, palette) => {
    it.each([
      ['text', 'card', 4.5],
      ['text', 'ground', 4.5],
      ['text', 'glow', 4.5],
      ['text', 'fill', 4.5],
      ['text', 'warning', 4.5],
      ['muted', 'card', 4.5],
      ['muted', 'ground', 4.5],
      ['muted', 'glow', 4.5],
      ['muted', 'fill', 4.5],
      ['muted', 'warning', 4.5],
      ['accent', 'card', 4.5],
      ['accent', 'tint', 4.5],
      ['on-accent', 'accent', 4.5],
      ['on-accent', 'accent-hover', 4.5],
      ['on-tint', 'tint', 4.5],
      ['on-warning', 'warning', 4.5],
      ['on-danger', 'danger', 4.5],
      ['on-danger', 'card', 3],
      ['on-good', 'good', 4.5],
      ['control', 'card', 3],
    ])('%s on %s has a contrast of at least %d', (front, back, least) => {
      expect(contrast(palette[front]!, palette[back]!)).toBeGreaterThanOrEqual(least);
    });
  });

  it('loads nothing and is named by its content', () => {
    expect(stylesheet).not.toMatch(/url\(|@import/);
    expect(stylesheetPath).toMatch(/^\/assets\/pages-[0-9a-f]{16}\.css$/);
  });
});
