import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { packagedChromium } from './packaged-chromium.ts';

const FLAGS = [
  // Chromium's sandbox refuses to run as root, and the pages under test are ours.
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A headless Chromium: `CHROMIUM_PATH`, else one installed on this machine, else the one in the npm package. */
export async function launchBrowser(): Promise<Browser> {
  const given = process.env['CHROMIUM_PATH'] ?? installedChromium();
  if (given !== undefined) return chromium.launch({ executablePath: given, args: FLAGS });
  // Not with the flags that the package suggests: they turn off the very security that pages are tested for.
  return chromium.launch({ ...(await packagedChromium()), args: FLAGS });
}

function installedChromium(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/Applications/Google Chrome.app/Contents/MacOS'];
  const candidates = folders
    .filter(Boolean)
    .flatMap((folder) => [...NAMES, 'Google Chrome'].map((name) => join(folder, name)));
  return candidates.find((path) => existsSync(path));
}
