import { parseTargetName } from '../../channel/index.js'

/** The one server of a client, as its transport has it; undefined: there are several, or there may be. */
export function fixedAddress({ address }: { readonly address?: string }): string | undefined {
  if (address === undefined) return undefined
  const name = parseTargetName(address)
  return name.kind === 'address' ? name.address : undefined
}
