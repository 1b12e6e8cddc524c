/**
 * The 24 bytes a client sends before its first frame, so that an HTTP/1.1 server stops reading. RFC
 * 9113 §3.4. Shared: do not write to it.
 */
export const CLIENT_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
