import { quote } from '../schema/names.js'
import type { FieldNode, MessageNode } from '../schema/nodes.js'
import { emitMessage } from './emit-message.js'
import { fieldType } from './field-types.js'
import type { ModuleText } from './module-text.js'

/** An extension: a message with nothing but its field, which is found among the fields that are not known. */
export function emitExtension(module: ModuleText, field: FieldNode): void {
  const name = module.nameOf(field)
  const holder: MessageNode = {
    proto: undefined as never,
    file: module.file,
    fullName: field.fullName,
    local: `${name}$holder`,
    path: [],
    features: undefined as never,
    fields: [
      {
        ...field,
        local: 'value',
        path: [],
        isDeprecated: false,
        proto: { ...field.proto, defaultValue: undefined },
      },
    ],
    oneofs: [],
    isMapEntry: false,
    isDeprecated: false,
    isExtendable: false,
    isHolder: true,
  }
  module.alias(holder, `${name}$holder`)
  emitMessage(module, holder)
  module.comment(field.path, field.isDeprecated)
  const types = [fieldType(module, field, false), fieldType(module, field, true)].join(', ')
  const type = `${module.codec('Extension')}<${types}>`
  const parts = [quote(field.fullName), quote(field.extendee), `${name}$holder`].join(', ')
  module.line(`export const ${name}: ${type} = /*@__PURE__*/ new ${type}(${parts})`)
  module.line()
}
