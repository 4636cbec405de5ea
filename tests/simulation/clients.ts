import type { Instance } from './instance.ts';
import { keyNamed } from './keys.ts';
import type { Operation } from './plan.ts';
import { Readers } from './readers.ts';
import type { World } from './world.ts';
import { Writers } from './writers.ts';

/** Everybody who uses the fleet: does what a plan says. */
export class Clients {
  readonly readers: Readers;
  readonly #writers: Writers;

  constructor(world: World) {
    this.readers = new Readers(world);
    this.#writers = new Writers(world);
  }

  perform(instance: Instance, operation: Operation): void {
    const key = keyNamed(operation.key);
    switch (operation.kind) {
      case 'read':
        this.readers.read(instance, key, operation);
        break;
      case 'readMany':
        this.readers.readMany(instance, key, operation);
        break;
      case 'getMany':
        this.readers.lookMany(instance, key);
        break;
      case 'get':
      case 'peek':
        this.readers.look(instance, key, operation.kind);
        break;
      case 'write':
        this.#writers.write(instance, key, operation);
        break;
      case 'outside':
        this.#writers.writeOutside(key);
        break;
      case 'set':
        this.#writers.set(instance, key, operation);
        break;
      case 'setMany':
        this.#writers.setMany(instance, key);
        break;
    }
  }
}
