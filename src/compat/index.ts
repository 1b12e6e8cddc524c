export { addService } from './add-service.js'
export type {
  Deadline,
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerReadableStream,
  ServerStatus,
  ServerSurfaceCall,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from './call-types.js'
export {
  Metadata,
  type MetadataLike,
  type MetadataOptions,
  type MetadataValue,
} from './metadata.js'
export { status } from './status.js'
