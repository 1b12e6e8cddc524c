import { ConnectionError, ErrorCode } from '../../frame/index.js'

/** The peer broke `rule`. */
export function protocolError(rule: string, message: string): never {
  throw new ConnectionError(ErrorCode.ProtocolError, rule, message)
}
