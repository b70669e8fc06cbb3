import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

/** Where `npm run dev` finds a server: `grange demo`, or `npm run mock`. */
const server = 'http://127.0.0.1:8765';

export default defineConfig({
  plugins: [solid()],
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
