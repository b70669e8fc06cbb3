/** What a machine offers, in words: `amount.worker.memory` is memory. */

import { bytes, count } from './number';

const MIB = 1024 ** 2;
const WORDS: Record<string, string> = {
  'amount.worker.vcpu': 'Processor threads',
  'amount.worker.memory': 'Memory',
  'amount.worker.gpu': 'GPUs',
  'amount.worker.gpu.memory': 'GPU memory',
  'amount.worker.disk.scratch': 'Scratch disk',
  'grange:amount.worker.jobthreads': 'Job threads',
  'grange:amount.worker.cores': 'Cores',
  'grange:amount.worker.ghz': 'GHz',
  'grange:amount.worker.watts': 'Watts',
  'grange:amount.worker.ps': 'PS',
  'grange:attr.worker.group': 'Groups',
  'grange:attr.worker.class': 'Classes',
  'grange:attr.renderer': 'Renderers',
  'grange:attr.worker.region': 'Region',
  'grange:attr.worker.mac': 'Network address',
  'grange:attr.worker.version': 'Grange',
  'grange:attr.worker.power': 'Power',
  'attr.worker.os.family': 'Operating system',
  'attr.worker.cpu.arch': 'Processor architecture',
  'attr.worker.instanceType': 'Instance type',
  hostName: 'Host name',
  ipAddresses: 'Addresses',
  ec2InstanceArn: 'EC2 instance',
  ec2InstanceType: 'EC2 instance type',
};
/** Bytes in one of a thing. */
const SIZES: Record<string, number> = {
  'amount.worker.memory': MIB,
  'amount.worker.gpu.memory': MIB,
  'amount.worker.disk.scratch': 1024 * MIB,
};

/** What a capability is called; a studio's own keeps its name. */
export const hardwareWord = (name: string): string =>
  WORDS[name] ?? name.replace(/^grange:/, '').replace(/^(amount|attr)\.(worker\.)?/, '');

export function hardwareAmount(name: string, value: number): string {
  const size = SIZES[name];
  return size === undefined ? count(value) : bytes(value * size);
}

/** Everything a property says, however it is nested, with commas between. */
export function propertyText(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'object') return String(value);
  return Object.values(value).map(propertyText).join(', ') || '–';
}
