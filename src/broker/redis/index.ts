export { type RedisBrokerOptions, redisBroker } from './redis-broker.js'
