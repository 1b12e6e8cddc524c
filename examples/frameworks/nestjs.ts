// Controllers of a NestJS service over microwire: over native gRPC and go-micro's protocol, on one port.
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Ctx, GrpcMethod, GrpcStreamMethod, Payload, RpcException } from '@nestjs/microservices'
import { type Context, createClient, GrpcError, loadService, Status } from 'microwire'
import { map, type Observable, range, reduce } from 'rxjs'
import type { Greeter, HelloReply, HelloRequest, Line, Term, Tick, Total } from './greeter.js'
import { MicrowireStrategy } from './microwire-strategy.js'

@Controller()
class GreeterController {
  @GrpcMethod('Greeter', 'Hello')
  hello(@Payload() { name }: HelloRequest, @Ctx() { door }: Context): HelloReply {
    if (name === '') throw new RpcException(new GrpcError(Status.InvalidArgument, 'name is empty'))
    return { text: `Hello, ${name}, over ${door}` }
  }

  @GrpcMethod('Greeter', 'Countdown')
  countdown({ from }: { from: number }): Observable<Tick> {
    return range(1, from).pipe(map(n => ({ left: from - n })))
  }

  @GrpcStreamMethod('Greeter', 'Sum')
  sum(terms: Observable<Term>): Observable<Total> {
    const none = { sum: 0, count: 0 }
    return terms.pipe(
      reduce(({ sum, count }, { value }) => ({ sum: sum + value, count: count + 1 }), none),
    )
  }

  @GrpcStreamMethod('Greeter', 'Chat')
  chat(lines: Observable<Line>): Observable<Line> {
    return lines.pipe(
      map(({ text }) => {
        if (text === '') throw new RpcException({ code: Status.OutOfRange, message: 'no text' })
        return { text: text.toUpperCase() }
      }),
    )
  }
}

@Module({ controllers: [GreeterController] })
class AppModule {}

const greeter = await loadService<Greeter>('greeter.proto', 'greeter.v1.Greeter')
const strategy = new MicrowireStrategy({ name: 'greeter', services: [greeter] })
const app = await NestFactory.createMicroservice(AppModule, { strategy, logger: false })
await app.listen()

for (const protocol of ['grpc', 'mucp'] as const) {
  const client = createClient({ address: strategy.address, protocol })
  const { hello, countdown, sum, chat } = client.bind(greeter)
  console.log((await hello({ name: 'Ada' })).text)
  await hello({ name: '' }).catch((error: Error) => console.log(error.message))
  for await (const { left } of countdown({ from: 2 })) console.log('left', left)
  console.log('sum', (await sum([{ value: 1 }, { value: 2 }])).sum)
  try {
    for await (const { text } of chat([{ text: 'hi' }, { text: '' }])) console.log(text)
  } catch (error) {
    console.log((error as Error).message)
  }
  await client.close()
}
await app.close()
