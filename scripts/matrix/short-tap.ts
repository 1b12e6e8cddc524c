import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// The comparisons of tap itself.
import { match, same, strict } from 'tcompare'

type Body = (t: ShortTest) => unknown
interface Options {
  readonly skip?: boolean | string
  readonly timeout?: number
}
type Content = string | { readonly [name: string]: Content }

const counts = { passed: 0, failed: 0, skipped: 0 }

/**
 * The part of tap that the tests of this repository use, for runtimes that tap does not start on (Bun, Deno).
 * `finish` prints a line for each failure, and `N passed, N failed, N skipped`.
 */
class ShortTest {
  readonly name: string
  readonly #teardowns: (() => unknown)[] = []
  readonly #befores: ((t: ShortTest) => unknown)[] = []
  readonly #faults: string[] = []
  #tests: Promise<unknown> = Promise.resolve()
  #ended: (() => void) | undefined
  readonly #end = new Promise<void>(resolve => {
    this.#ended = resolve
  })

  constructor(name: string) {
    this.name = name
  }

  /** Runs when those before it have ended. */
  readonly test = (name: string, ...rest: readonly unknown[]): Promise<unknown> => {
    const body = rest.find(part => typeof part === 'function') as Body
    const options = (typeof rest[0] === 'object' ? rest[0] : {}) as Options
    this.#tests = this.#tests.then(() => this.#run(name, body, options))
    return this.#tests
  }

  async #run(name: string, body: Body, { skip, timeout = 60_000 }: Options): Promise<void> {
    if (skip !== undefined && skip !== false) {
      counts.skipped++
      return
    }
    const t = new ShortTest(name)
    for (const before of this.#befores) await before(t)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not over after ${timeout} ms`)), timeout)
    })
    try {
      await Promise.race([t.#done(body(t)), late])
    } catch (error) {
      t.fail(error instanceof Error ? `${error.message}\n${error.stack}` : String(error))
    }
    clearTimeout(timer)
    await t.#tearDown()
    for (const fault of t.#faults) console.log(`FAILED ${name}: ${fault}`)
    // As tap counts: tests of the file, not those within.
    if (this === root) counts[t.#faults.length === 0 ? 'passed' : 'failed']++
    else this.#faults.push(...t.#faults)
  }

  async #done(result: unknown): Promise<void> {
    if (result instanceof Promise) await result
    else await this.#end
    await this.#tests
  }

  async #tearDown(): Promise<void> {
    for (const teardown of this.#teardowns.reverse()) {
      try {
        await teardown()
      } catch (error) {
        this.fail(String(error))
      }
    }
  }

  #check(passed: boolean, text: unknown, message: unknown): boolean {
    if (!passed) {
      const said = typeof message === 'string' ? `${message}: ` : ''
      this.#faults.push(`${said}${String(text)}`)
    }
    return passed
  }

  get passing(): () => boolean {
    return () => this.#faults.length === 0
  }
  end(): void {
    this.#ended?.()
  }
  fail(message?: unknown): boolean {
    return this.#check(false, message ?? 'failed', undefined)
  }
  pass(): boolean {
    return true
  }
  comment(): void {}
  setTimeout(): void {}
  beforeEach(hook: (t: ShortTest) => unknown): void {
    this.#befores.push(hook)
  }
  teardown(hook: () => unknown): void {
    this.#teardowns.push(hook)
  }
  ok(value: unknown, message?: unknown): boolean {
    return this.#check(Boolean(value), `${String(value)} is not truthy`, message)
  }
  notOk(value: unknown, message?: unknown): boolean {
    return this.#check(!value, `${String(value)} is truthy`, message)
  }
  equal(found: unknown, wanted: unknown, message?: unknown): boolean {
    return this.#check(
      Object.is(found, wanted) || found === wanted,
      `${String(found)}, wanted ${String(wanted)}`,
      message,
    )
  }
  not(found: unknown, unwanted: unknown, message?: unknown): boolean {
    return this.#check(found !== unwanted, `${String(found)} is the same`, message)
  }
  same(found: unknown, wanted: unknown, message?: unknown): boolean {
    const { match: passed, diff } = same(found, wanted)
    return this.#check(passed, diff, message)
  }
  strictSame(found: unknown, wanted: unknown, message?: unknown): boolean {
    const { match: passed, diff } = strict(found, wanted)
    return this.#check(passed, diff, message)
  }
  match(found: unknown, wanted: unknown, message?: unknown): boolean {
    const { match: passed, diff } = match(found, wanted)
    return this.#check(passed, diff, message)
  }
  has(found: unknown, wanted: unknown, message?: unknown): boolean {
    return this.match(found, wanted, message)
  }
  notMatch(found: unknown, unwanted: unknown, message?: unknown): boolean {
    return this.#check(!match(found, unwanted).match, `${String(found)} matches`, message)
  }
  notHas(found: unknown, unwanted: unknown, message?: unknown): boolean {
    return this.notMatch(found, unwanted, message)
  }
  type(found: unknown, wanted: string | (new () => unknown), message?: unknown): boolean {
    const passed = typeof wanted === 'string' ? typeof found === wanted : found instanceof wanted
    return this.#check(passed, `${String(found)} is no ${String(wanted)}`, message)
  }
  doesNotThrow(body: () => unknown, message?: unknown): boolean {
    try {
      body()
      return true
    } catch (error) {
      return this.#check(false, error, message)
    }
  }
  throws(body: () => unknown, ...wanted: readonly unknown[]): boolean {
    try {
      body()
    } catch (error) {
      return this.#rejected(error, wanted)
    }
    return this.fail('did not throw')
  }
  async rejects(
    body: Promise<unknown> | (() => Promise<unknown>),
    ...wanted: readonly unknown[]
  ): Promise<boolean> {
    try {
      await (typeof body === 'function' ? body() : body)
    } catch (error) {
      return this.#rejected(error, wanted)
    }
    return this.fail('did not reject')
  }
  #rejected(error: unknown, [wanted, message]: readonly unknown[]): boolean {
    if (wanted === undefined || typeof wanted === 'string') return true
    if (typeof wanted === 'function')
      return this.ok(error instanceof (wanted as new () => Error), message)
    if (wanted instanceof RegExp)
      return this.match(String((error as Error).message), wanted, message)
    const plain = wanted instanceof Error ? { message: wanted.message } : wanted
    return this.match(error, plain, message)
  }
  /** Replaces a method until the test has ended. */
  capture(
    object: Record<string, unknown>,
    name: string,
    replacement?: (...args: unknown[]) => unknown,
  ): () => { args: unknown[] }[] {
    const before = object[name]
    const calls: { args: unknown[] }[] = []
    object[name] = (...args: unknown[]) => {
      calls.push({ args })
      return replacement?.(...args)
    }
    this.teardown(() => {
      object[name] = before
    })
    return () => calls.splice(0)
  }
  testdir(content: Readonly<Record<string, Content>> = {}): string {
    const folder = mkdtempSync(join(tmpdir(), 'microwire-testdir-'))
    this.teardown(() => rmSync(folder, { recursive: true, force: true }))
    writeFolder(folder, content)
    return folder
  }
  async finish(): Promise<void> {
    await this.#tests
    await this.#tearDown()
    counts.failed += this.#faults.length
    for (const fault of this.#faults) console.log(`FAILED ${fault}`)
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  }
}

function writeFolder(folder: string, content: Readonly<Record<string, Content>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, inner] of Object.entries(content)) {
    const path = join(folder, name)
    if (typeof inner === 'string') writeFileSync(path, inner)
    else writeFolder(path, inner)
  }
}

/** What is exported as `default`. */
export const root: ShortTest = new ShortTest('')
/** What `import type { Test } from 'tap'` means. */
export type Test = ShortTest
