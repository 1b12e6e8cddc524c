import { bug, type PlantedBug } from './planted-bug.js'

/** In whole sessions: findings of an audit, put back. */
export const PLANTED_IN_SESSIONS: readonly PlantedBug[] = [
  bug(
    'mucp-server',
    'micro/mucp-header',
    'answers repeat all fields of the request',
    'if (isRepeated(key))',
    'if (key !== undefined)',
  ),
  bug(
    'mucp-server',
    'micro/mucp-limits',
    'ids and names of any size are repeated',
    'if (length <= MUCP_NAME_SIZE_MAX)',
    'if (length <= 1e6)',
  ),
  bug(
    'mucp-server',
    'micro/mucp-server',
    'a second message with a running id is dropped without an answer',
    'if (running?.takes === false) {',
    'if (running?.takes === false) { return undefined;',
  ),
  bug(
    'mucp-server',
    'micro/events',
    'middleware does not guard topics',
    "composeHandler(chain, 'event'",
    "composeHandler([], 'event'",
  ),
  bug(
    'mucp-server',
    'micro/mucp-call',
    'a failure that cannot be sent rejects unhandled',
    'this.#settled = true;\n        this.#context.finish();',
    "this.#settled = true;\n        if (this.#lost) void Promise.reject(new Error('lost'));\n        this.#context.finish();",
  ),
  bug(
    'mucp-client',
    'micro/micro-error',
    'errors nest as deep as a peer likes',
    'if (++depth > ERROR_DEPTH_MAX)',
    'if (++depth > 1e9)',
  ),
  bug(
    'error-json',
    'micro/micro-error',
    'what an error holds may take the place of its code',
    'JSON.stringify({ ...fields, ...rest })',
    'JSON.stringify({ ...fields, ...extra })',
  ),
  bug(
    'error-json',
    'micro/micro-error',
    'the text of an error is as long as it is',
    'if (json.length > ERROR_TEXT_SIZE_MAX)',
    'if (json.length > 1e9)',
  ),
  bug(
    'error-json',
    'micro/micro-error',
    'what cannot be JSON is thrown',
    'escaped.length > ERROR_TEXT_SIZE_MAX || isDeep(json) ? undefined : escaped;\n    }\n    catch {',
    'escaped.length > ERROR_TEXT_SIZE_MAX || isDeep(json) ? undefined : escaped;\n    }\n    catch (error) { throw error;',
  ),
  bug(
    'registry-records',
    'micro/target',
    'records are used as they are',
    'nodes = usableNodes(await this.#answer());',
    'nodes = (await this.#answer()).flatMap(service => service.nodes);',
  ),
  bug(
    'registry-records',
    'transport/address',
    'an error shows user information',
    "'$1***@'",
    "'$&'",
  ),
  bug(
    'client-session',
    'transport/session',
    'a server that takes no stream and leaves gets a storm of connections',
    'if (link.connection?.streams.served === true || livedMs >= STABLE_AFTER_MS) {',
    'if (livedMs >= 0) {',
  ),
]
