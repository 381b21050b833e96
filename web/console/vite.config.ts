import vue from '@vitejs/plugin-vue';
import elementPlus from 'unplugin-element-plus/vite';
import { defineConfig } from 'vite';

// `npm run dev` serves the pages itself and passes the rest to a server that is already running.
const server = process.env['LETHE_ADDRESS'] ?? 'http://127.0.0.1:7700';

export default defineConfig({
  base: '/console/',
  plugins: [vue(), elementPlus({})],
  server: { proxy: { '/console/api': server } },
});
