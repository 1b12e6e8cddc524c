import { createInterface } from 'node:readline'

/** One request of the runner to a child process. */
export interface Request {
  readonly do: string
  readonly [name: string]: string | number | boolean
}

/** What a child answers: figures by name. */
export type Reply = Readonly<Record<string, number>>

/** Commands of a child, by name. `usage` is always there. */
export type Commands = Readonly<Record<string, (request: Request) => Reply | Promise<Reply>>>

/**
 * The child's half of the protocol between runner and child: it says `ready` (a server: its port)
 * in one JSON line, then answers each JSON line of standard input with one of its own, in order.
 * It ends when standard input does, so that no child outlives the runner.
 */
export function answerRunner(ready: Reply, commands: Commands = {}, counters?: () => Reply): void {
  const all: Commands = { usage: () => ({ ...usage(), ...counters?.() }), ...commands }
  let last: Promise<void> = Promise.resolve()
  createInterface({ input: process.stdin })
    .on('line', line => {
      last = last.then(() => answer(all, line)).catch(fail)
    })
    .on('close', () => process.exit(0))
  say(ready)
}

async function answer(commands: Commands, line: string): Promise<void> {
  const request = JSON.parse(line) as Request
  const command = commands[request.do]
  if (command === undefined) throw new Error(`unknown command '${request.do}'`)
  say(await command(request))
}

function usage(): Reply {
  if (globalThis.gc !== undefined) {
    globalThis.gc()
    globalThis.gc()
  }
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  return {
    cpuUs: cpu.user + cpu.system,
    rssOctets: memory.rss,
    heapOctets: memory.heapUsed,
    externalOctets: memory.external,
  }
}

/** The heap as it is, with all its garbage; `usage` collects first. */
export function heapOctets(): Reply {
  return { heapOctets: process.memoryUsage().heapUsed }
}

function say(reply: Reply): void {
  process.stdout.write(JSON.stringify(reply) + '\n')
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}
