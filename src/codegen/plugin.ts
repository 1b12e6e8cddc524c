import { CodeGeneratorRequest, CodeGeneratorResponse } from './descriptor/plugin-table.js'
import { generate } from './generate.js'
import { EDITION_MAX, EDITION_MIN } from './schema/features.js'
import { GenerateError, parseOptions } from './schema/generate-options.js'

/** `CodeGeneratorResponse.Feature`: proto3 `optional`, and editions. */
const SUPPORTED_FEATURES = 3n

/**
 * A protoc plugin from end to end: a serialised `CodeGeneratorRequest` to a `CodeGeneratorResponse`. What
 * is wrong with the schema or the options is said in it.
 *
 * @throws RangeError when the request cannot be read
 */
export function runPlugin(request: Uint8Array): Uint8Array {
  const { fileToGenerate, parameter = '', protoFile } = CodeGeneratorRequest.decode(request)
  const features = {
    supportedFeatures: SUPPORTED_FEATURES,
    minimumEdition: EDITION_MIN,
    maximumEdition: EDITION_MAX,
  }
  try {
    const file = generate(protoFile, fileToGenerate, parseOptions(parameter))
    return CodeGeneratorResponse.encode({ ...features, file })
  } catch (error) {
    if (!(error instanceof GenerateError)) throw error
    return CodeGeneratorResponse.encode({ ...features, error: error.message })
  }
}
