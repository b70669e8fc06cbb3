import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

/** What the built page is made of; each asks for its licence to go along. */
const bundled = [
  'solid-js',
  '@solidjs/router',
  'uplot',
  '@tanstack/virtual-core',
  '@fontsource-variable/inter',
];

/** Writes the licences of what is bundled beside the page. */
const licences = {
  name: 'licences',
  generateBundle() {
    const parts = bundled.map((name) => {
      const folder = new URL(`node_modules/${name}/`, import.meta.url);
      const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
      const text = readFileSync(new URL('LICENSE', folder), 'utf8').trim();
      return `${name} ${version}\n\n${text}\n`;
    });
    const source = parts.join(`\n${'-'.repeat(80)}\n\n`);
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
  },
};

/** Where `npm run dev` finds a server: `grange demo`, or `npm run mock`. */
const server = 'http://127.0.0.1:8765';

export default defineConfig({
  plugins: [solid(), licences],
  build: {
    outDir: '../src/grange/server/static',
    emptyOutDir: true,
    target: 'es2022',
    // Every asset is a file of its own: the content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': server, '/login': server },
  },
});
