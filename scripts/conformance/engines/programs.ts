import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DebianTool, debianProgram, goProgram } from '../toolchain.js'

/** Engines that can be started by name. */
export type EngineName = 'etcd' | 'nats' | 'redis' | 'rabbitmq' | 'consul'

/** Consul is in no Debian; it is built from the Go module proxy by the module that pins it. */
const CONSUL = {
  name: 'consul',
  package: 'github.com/hashicorp/consul',
  version: 'v1.14.11',
  module: 'interop/go/consul',
}

/** Erlang has what RabbitMQ needs in many packages. */
const ERLANG = [
  'base',
  'asn1',
  'crypto',
  'eldap',
  'ftp',
  'inets',
  'mnesia',
  'os-mon',
  'parsetools',
  'public-key',
  'runtime-tools',
  'snmp',
  'ssl',
  'syntax-tools',
  'tftp',
  'tools',
  'xmerl',
].map(part => `erlang-${part}`)

/** The program of an engine: installed, given, unpacked or built. Throws `Unavailable` with a sentence. */
export async function engineProgram(name: EngineName): Promise<DebianTool> {
  switch (name) {
    case 'etcd':
      return await debianProgram('etcd', ['etcd-server'])
    case 'nats':
      return await debianProgram('nats-server', ['nats-server'])
    case 'redis':
      return await debianProgram('redis-server', [
        'redis-server',
        'redis-tools',
        'libjemalloc2',
        'liblzf1',
      ])
    case 'rabbitmq':
      return await rabbitmq()
    case 'consul':
      return { ...(await goProgram(CONSUL)), env: {} }
  }
}

/** RabbitMQ and its Erlang, both unpacked: their scripts look for each other by absolute paths, which are set here. */
async function rabbitmq(): Promise<DebianTool> {
  const tool = await debianProgram('rabbitmq-server', ['rabbitmq-server', ...ERLANG])
  const root = tool.path.slice(0, tool.path.lastIndexOf('/usr/'))
  const erlang = join(root, 'usr/lib/erlang')
  if (!existsSync(erlang)) return tool
  const bin = join(root, 'microwire-bin')
  mkdirSync(bin, { recursive: true })
  const script = `#!/bin/sh
ROOTDIR=${erlang}
BINDIR=$(echo ${erlang}/erts-*/bin)
EMU=beam
PROGNAME=erl
export ROOTDIR BINDIR EMU PROGNAME
exec "$BINDIR/erlexec" "$@"
`
  writeFileSync(join(bin, 'erl'), script)
  chmodSync(join(bin, 'erl'), 0o755)
  return { ...tool, env: { ...tool.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` } }
}
