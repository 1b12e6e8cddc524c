import { methodName, quote } from '../schema/names.js'
import type { MessageNode, MethodNode, ServiceNode } from '../schema/nodes.js'
import type { ModuleText } from './module-text.js'
import { nativeType, nativeTypeText } from './native-types.js'

/** A service: its types, and the constant for `server.handle` and `client.bind`. */
export function emitService(module: ModuleText, node: ServiceNode): void {
  const name = module.nameOf(node)
  emitMethodTypes(module, node, name)
  module.line(`/** The handlers of ${node.fullName}, for \`server.handle\`. */`)
  module.line(`export type ${name}Handler = ${module.packageType('Handlers')}<${name}Methods>`)
  module.line()
  module.line(`/** What \`client.bind\` returns for ${node.fullName}. */`)
  module.line(`export type ${name}Client = ${module.packageType('BoundClient')}<${name}Methods>`)
  module.line()
  module.comment(node.path, node.isDeprecated)
  const type = `${module.codecType('ServiceDefinition')}<${name}Methods>`
  const call = `${module.codec('service')}(`
  module.block(
    `export const ${name}: ${type} = /*@__PURE__*/ ${call}`,
    () => {
      module.line(`${quote(node.fullName)},`)
      module.block(
        '[',
        () => {
          for (const method of node.methods) module.line(`${methodRow(module, node, method)},`)
        },
        '],',
      )
      if (module.options.descriptors === 'embed') module.line('file$descriptors,')
    },
    ')',
  )
  module.line()
}

function emitMethodTypes(module: ModuleText, node: ServiceNode, name: string): void {
  module.line(`/** The types of ${node.fullName}. */`)
  // A type and no interface: only that fits an index signature.
  module.block(`export type ${name}Methods = {`, () => {
    for (const method of node.methods) {
      module.comment(method.path, method.isDeprecated)
      const types = [
        quote(kindOf(method)),
        typeText(module, method.request, false),
        typeText(module, method.response, false),
        typeText(module, method.request, true),
        typeText(module, method.response, true),
      ]
      const methodTypes = module.packageType('MethodTypes')
      module.line(`${methodName(method.name)}: ${methodTypes}<${types.join(', ')}>`)
    }
  })
  module.line()
}

function kindOf({ proto }: MethodNode): string {
  if (proto.clientStreaming === true) return proto.serverStreaming === true ? 'bidi' : 'client'
  return proto.serverStreaming === true ? 'server' : 'unary'
}

function typeText(module: ModuleText, message: MessageNode, isInit: boolean): string {
  const native = nativeType(message, module.options)
  if (native !== undefined) return nativeTypeText(module, isInit ? native.init : native.type)
  return module.of(message, isInit ? 'Init' : '', false)
}

function constantOf(module: ModuleText, message: MessageNode): string {
  const native = nativeType(message, module.options)
  return native === undefined ? module.of(message, '', true) : module.codec(native.constant)
}

/** A `MethodRow` of the codec: gRPC's path, and go-micro's name. */
function methodRow(module: ModuleText, service: ServiceNode, method: MethodNode): string {
  const parts = [
    quote(methodName(method.name)),
    quote(`/${service.fullName}/${method.name}`),
    quote(`${service.proto.name}.${method.name}`),
    quote(kindOf(method)),
    constantOf(module, method.request),
    constantOf(module, method.response),
  ]
  return `[${parts.join(', ')}]`
}
