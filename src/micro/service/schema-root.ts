import type * as protobuf from 'protobufjs'
import type { CallKind } from '../../grpc/index.js'
import type { ParsedEnum } from '../../protobuf/index.js'
import { FileNames } from './file-names.js'
import { fileAccess, loadLibrary, shippedFile } from './protobufjs-library.js'
import { refuseDropped, type SchemaText, withPlace } from './schema-mistake.js'

/** A tag has 29 bits for it. */
const FIELD_NUMBER_MAX = 536_870_911

/**
 * A schema with everything it imports, resolved. Errors name the file, and the line when it is a mistake in it.
 *
 * `names` hears of every import.
 */
export async function loadRoot(
  files: string | readonly string[],
  includeDirs: readonly string[] = [],
  names: FileNames = new FileNames(),
): Promise<protobuf.Root> {
  const { protobuf } = await loadLibrary()
  const { fs, path } = fileAccess(protobuf)
  const root = new protobuf.Root()
  let missing: string | undefined
  root.resolvePath = (origin, target) => {
    const beside = path.resolve(origin, target)
    if (origin === '' || fs.existsSync(beside)) {
      return names.add(origin, target, beside)
    }
    const places = [...includeDirs.map(folder => `${folder}/`), ...[files].flat()]
    const found = places.map(place => path.resolve(place, target)).find(fs.existsSync)
    const shipped = found ?? shippedFile(target)
    if (shipped === undefined && protobuf.common.get(target) === null) {
      missing = `${origin} imports ${target}, which is not beside it`
      missing +=
        includeDirs.length === 0
          ? '; includeDirs names no folder'
          : `, nor in includeDirs: ${includeDirs.join(', ')}`
    }
    return names.add(origin, target, shipped ?? beside)
  }
  try {
    // Not `load`: a type that does not exist would be thrown out of its file callback.
    root.loadSync(typeof files === 'string' ? files : [...files], { alternateCommentMode: true })
    root.resolveAll()
    checkNumbers(root)
    refuseDropped(textsOf(protobuf, root))
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const text = missing ?? withPlace(said, textsOf(protobuf, root))
    throw new Error(`cannot load ${[files].flat().join(', ')}: ${text}`, { cause })
  }
  return root
}

/** The file that was being read when that failed, else all. */
function textsOf(library: typeof protobuf, root: protobuf.Root): SchemaText[] {
  const { fs, path } = fileAccess(library)
  const { parse } = library as unknown as { parse: { filename: string | null } }
  const files = parse.filename === null ? root.files : [parse.filename]
  parse.filename = null
  return files
    .filter(file => fs.existsSync(file))
    .map(file => ({ file: path.resolve('', file), text: fs.readFileSync(file, 'utf8') }))
}

/** Numbers that protobufjs takes, and no other compiler. */
function checkNumbers(namespace: protobuf.NamespaceBase): void {
  for (const child of namespace.nestedArray) {
    const { fullName, fieldsArray = [] } = child as Partial<protobuf.Type> & typeof child
    for (const { name, id } of fieldsArray) {
      if (id >= 1 && id <= FIELD_NUMBER_MAX && (id < 19_000 || id > 19_999)) continue
      throw new Error(
        `${fullName.slice(1)}.${name}: ${id} is no number for a field: 1 to ${FIELD_NUMBER_MAX} are, without 19000 to 19999`,
      )
    }
    const { values, _features } = child as Partial<ParsedEnum> & typeof child
    const [first] = Object.entries(values ?? {})
    if (first !== undefined && first[1] !== 0 && _features?.['enum_type'] === 'OPEN') {
      throw new Error(`${fullName.slice(1)}.${first[0]}: the first value of an enum must be 0`)
    }
    if ('nestedArray' in child) checkNumbers(child as protobuf.Namespace)
  }
}

/** Every service below `root`, with its package. */
export function servicesOf(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  const services: protobuf.Service[] = []
  for (const child of namespace.nestedArray) {
    if (isService(child)) services.push(child)
    else if ('nestedArray' in child) services.push(...servicesOf(child as protobuf.Namespace))
  }
  return services
}

/** The kind of a method, from its two `stream` marks. */
export function kindOf(method: protobuf.Method): CallKind {
  if (method.requestStream === true) return method.responseStream === true ? 'bidi' : 'client'
  return method.responseStream === true ? 'server' : 'unary'
}

function isService(child: protobuf.ReflectionObject): child is protobuf.Service {
  return 'methodsArray' in child
}
