export { fuzzClient as fuzz } from './connection.fuzz.js'
