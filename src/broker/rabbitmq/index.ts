export { type RabbitmqBrokerOptions, rabbitmqBroker } from './rabbitmq-broker.js'
