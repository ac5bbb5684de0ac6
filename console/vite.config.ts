import { defineConfig } from "vite";

// Served by the front at any depth and below any prefix: all paths are relative to the module that asks, and the page
// itself gets `{{placeholder "up"}}` from the front, which leads to the top from where the page was asked for.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../edge/web/pages/console/app",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
  },
  plugins: [
    {
      name: "from-the-top",
      enforce: "post",
      transformIndexHtml: (html: string) => html.replaceAll('"./', '"{{placeholder "up"}}console/app/'),
    },
  ],
});
