import { defineConfig } from 'vite'

export default defineConfig({
  server: {
    host: '0.0.0.0',
    port: 3000,
    strictPort: true,
    // The names that nginx and the other containers ask by.
    allowedHosts: ['localhost', 'jobsprint.localhost', 'frontend', 'nginx'],
    // Only for a page opened on this port: through nginx, /api never comes here.
    proxy: {
      '/api': process.env.API_PROXY_TARGET ?? 'http://api-gateway:4000',
    },
    // HMR needs no address of its own: the client dials the host and port the page came from.
  },
  clearScreen: false,
})
