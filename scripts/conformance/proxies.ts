import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './ports.js'
import type { SuiteRun } from './suite.js'
import { type DebianTool, debianProgram } from './toolchain.js'

/** A proxy that listens on loopback and passes gRPC on. */
export interface ReverseProxy {
  readonly name: string
  readonly tool: DebianTool
  /** Starts it before `backend`; its address. */
  start(run: SuiteRun, folder: string, backend: string): Promise<string>
}

export async function nginxProxy(): Promise<ReverseProxy> {
  const tool = await debianProgram('nginx', ['nginx'])
  return {
    name: 'nginx grpc_pass',
    tool,
    start: async (run, folder, backend) => {
      const port = await freePort()
      const config = join(folder, 'nginx.conf')
      writeFileSync(config, nginxConfig(folder, port, backend))
      run.start(tool.path, ['-p', folder, '-c', config, '-e', 'stderr'], { env: tool.env })
      return `127.0.0.1:${port}`
    },
  }
}

function nginxConfig(folder: string, port: number, backend: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `  ${name}_temp_path ${folder}/${name};`,
  )
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_max_body_size 0;
${temporary.join('\n')}
  server {
    listen 127.0.0.1:${port} http2;
    location / { grpc_pass grpc://${backend}; }
  }
}
`
}

export async function haproxyProxy(): Promise<ReverseProxy> {
  const libraries = ['liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1']
  const tool = await debianProgram('haproxy', ['haproxy', ...libraries])
  return {
    name: 'haproxy',
    tool,
    start: async (run, folder, backend) => {
      const port = await freePort()
      const config = join(folder, 'haproxy.cfg')
      writeFileSync(config, haproxyConfig(port, backend))
      run.start(tool.path, ['-db', '-f', config], { env: tool.env })
      return `127.0.0.1:${port}`
    },
  }
}

function haproxyConfig(port: number, backend: string): string {
  return `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${port} proto h2
  default_backend back
backend back
  server microwire ${backend} proto h2
`
}
