/** What a test of mocha may be: done when it returns, when its promise settles, or when it calls back. */
type Body = (this: object, done: (error?: unknown) => void) => unknown

interface Suite {
  readonly name: string
  readonly parent: Suite | undefined
  readonly hooks: Record<Hook, Body[]>
  readonly children: (Suite | Case)[]
}

interface Case {
  readonly name: string
  readonly body: Body
}

type Hook = (typeof HOOKS)[number]

/** How one case ended. */
export interface Outcome {
  /** Names of its suites and its own, with a space between. */
  readonly name: string
  /** Undefined: passed. */
  readonly error?: string
}

const HOOKS = ['before', 'beforeEach', 'afterEach', 'after'] as const
const TIME_MAX_MS = 20_000
/** `this` of a test, which may ask for more time. */
const CONTEXT: object = { timeout: () => CONTEXT }

/** The part of mocha that the tests of grpc-js use: `describe`, `it`, hooks, callbacks, `skip` and `timeout`. */
export class Cases {
  readonly #root = makeSuite('', undefined)
  #current = this.#root
  /** Fails the case that is running: of an exception that came out of a callback. */
  #fail: ((error: unknown) => void) | undefined

  /** The functions that a test file finds as globals. */
  globals(): Readonly<Record<string, unknown>> {
    const later = { timeout: () => later }
    const skip = () => later
    const it = (name: string, body: Body) => {
      this.#current.children.push({ name, body })
      return later
    }
    const describe = (name: string, define: () => void) => {
      const suite = makeSuite(name, this.#current)
      this.#current.children.push(suite)
      this.#current = suite
      define()
      this.#current = suite.parent!
      return later
    }
    const hooks = HOOKS.map(hook => [
      hook,
      (body: Body) => void this.#current.hooks[hook].push(body),
    ])
    return {
      it: Object.assign(it, { skip }),
      describe: Object.assign(describe, { skip }),
      ...Object.fromEntries(hooks),
    }
  }

  /** An exception that nobody caught. @returns whether it belonged to a case */
  uncaught(error: unknown): boolean {
    this.#fail?.(error)
    return this.#fail !== undefined
  }

  /** Runs what `wanted` says yes to, one after the other. */
  async *run(wanted: (name: string) => boolean): AsyncGenerator<Outcome> {
    yield* this.#runSuite(this.#root, '', wanted)
  }

  async *#runSuite(
    suite: Suite,
    path: string,
    wanted: (name: string) => boolean,
  ): AsyncGenerator<Outcome> {
    const names = namesOf(suite, path)
    if (!names.some(wanted)) return
    const failed = await this.#runAll(suite.hooks.before)
    for (const child of suite.children) {
      const name = join(path, child.name)
      if ('children' in child) yield* this.#runSuite(child, name, wanted)
      else if (wanted(name)) yield outcome(name, failed ?? (await this.#runCase(suite, child)))
    }
    const late = await this.#runAll(suite.hooks.after)
    if (late !== undefined) yield outcome(join(path, '"after" hook'), late)
  }

  async #runCase(suite: Suite, { body }: Case): Promise<unknown> {
    const suites = [...ancestors(suite)]
    const before = suites.toReversed().flatMap(each => each.hooks.beforeEach)
    const after = suites.flatMap(each => each.hooks.afterEach)
    const failed = (await this.#runAll(before)) ?? (await this.#runAll([body]))
    const late = await this.#runAll(after)
    return failed ?? late
  }

  /** The first error of `bodies`; undefined when there is none. */
  async #runAll(bodies: readonly Body[]): Promise<unknown> {
    for (const body of bodies) {
      const failed = await this.#runBody(body)
      if (failed !== undefined) return failed
    }
    return undefined
  }

  async #runBody(body: Body): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const ended = new Promise<unknown>((resolve, reject) => {
      this.#fail = reject
      timer = setTimeout(() => reject(new Error(`no end in ${TIME_MAX_MS} ms`)), TIME_MAX_MS)
      const done = (error?: unknown) => (error ? reject(error) : resolve(undefined))
      try {
        const returned = body.call(CONTEXT, done)
        if (body.length === 0) resolve(returned)
      } catch (error) {
        reject(error)
      }
    })
    try {
      await ended
      return undefined
    } catch (error) {
      return error ?? new Error('rejected without an error')
    } finally {
      clearTimeout(timer)
      this.#fail = undefined
    }
  }
}

function makeSuite(name: string, parent: Suite | undefined): Suite {
  return {
    name,
    parent,
    hooks: { before: [], beforeEach: [], afterEach: [], after: [] },
    children: [],
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`
}

/** From the innermost out. */
function* ancestors(suite: Suite): Generator<Suite> {
  for (let each: Suite | undefined = suite; each !== undefined; each = each.parent) yield each
}

function namesOf(suite: Suite, path: string): string[] {
  return suite.children.flatMap(child => {
    const name = join(path, child.name)
    return 'children' in child ? namesOf(child, name) : [name]
  })
}

function outcome(name: string, error: unknown): Outcome {
  if (error === undefined) return { name }
  return { name, error: error instanceof Error ? error.message : String(error) }
}
