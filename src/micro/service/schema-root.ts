import type * as protobuf from 'protobufjs'
import type { CallKind } from '../../grpc/index.js'
import { FileNames } from './file-names.js'
import { fileAccess, loadLibrary, shippedFile } from './protobufjs-library.js'

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
  } catch (cause) {
    const text = missing ?? (cause instanceof Error ? cause.message : String(cause))
    throw new Error(`cannot load ${[files].flat().join(', ')}: ${text}`, { cause })
  }
  return root
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
