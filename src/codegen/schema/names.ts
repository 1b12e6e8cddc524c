/** Words that name nothing in a module of TypeScript, and globals that generated code uses. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'any arguments as async await bigint boolean break case catch class const continue debugger default delete do ' +
    'else enum eval export extends false finally for function get if implements import in instanceof interface let ' +
    'never new null number object package private protected public return set static string super switch symbol ' +
    'this throw true try type typeof undefined unknown var void while with yield ' +
    'Array BigInt Boolean Date Infinity Map NaN Number Object Promise Set String Symbol Uint8Array globalThis ' +
    'Error Function JSON Math Record Partial Readonly'
  ).split(' '),
)

/** What every object has: a field of that name would always seem to be given. */
const OF_ALL_OBJECTS: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  // What JSON.stringify and `await` ask for.
  'toJSON',
  'then',
])

/** A name for a type or a value of a module. */
export function safeIdentifier(name: string): string {
  return RESERVED.has(name) ? `${name}$` : name
}

/** A name for a property of a message. */
export function safeProperty(name: string): string {
  return OF_ALL_OBJECTS.has(name) ? `${name}$` : name
}

/** `lines` or `'1st'`, as a property is written. */
export function quoteProperty(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name)
}

/** `.lines` or `['1st']`, as a property is read. */
export function access(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${quote(name)}]`
}

/** Text as a literal. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replace(/\\"/g, '"')
    .replace(/'/g, "\\'")
    .replace(/[\u2028\u2029]/g, found => `\\u${found.charCodeAt(0).toString(16)}`)
  return `'${escaped}'`
}

/** What JavaScript calls a method: `GetThing` and `get_thing` are `getThing`. */
export function methodName(name: string): string {
  const joined = name.replace(/_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return joined.slice(0, 1).toLowerCase() + joined.slice(1)
}

/** `shop/v1/order.proto` is generated as `shop/v1/order_mw`. */
export function modulePath(file: string): string {
  return `${file.replace(/\.proto(devel)?$/, '')}_mw`
}

/** How one module names another. */
export function relativePath(from: string, to: string, extension: string): string {
  const here = from.split('/').slice(0, -1)
  const there = to.split('/')
  let common = 0
  while (common < here.length && here[common] === there[common]) common++
  const up = '../'.repeat(here.length - common)
  const path = `${up === '' ? './' : up}${there.slice(common).join('/')}`
  return extension === 'none' ? path : `${path}.${extension}`
}
