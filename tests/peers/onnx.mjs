/** A list of layers as an ONNX file. */
import protobuf from 'protobufjs';

// The part of onnx.proto3 that is used (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ModelProto { int64 ir_version = 1; repeated OperatorSetIdProto opset_import = 8; GraphProto graph = 7; }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message NodeProto { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated AttributeProto attribute = 5; }
  message AttributeProto { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { TensorTypeProto tensor_type = 1; }
  message TensorTypeProto { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message Dimension { int64 dim_value = 1; string dim_param = 2; }
`, { keepCase: true });

const [FLOAT, INT64] = [1, 7];
const TYPES = { f: 1, i: 2, ints: 7 };

/**
 * The bytes of a model from `codes` [n, inputs] to `pixels` [n, channels, height, width].
 * @param {Array<any>} layers as decoders.mjs gives them
 */
export function onnx(layers) {
  const [node, initializer] = [[], []];
  let [value, count] = ['codes', 0];
  const tensor = (dims, data_type, data) => {
    const name = `weight${initializer.length}`;
    initializer.push({ name, dims, data_type, raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    return name;
  };
  const floats = ({ shape, values }) => tensor(shape, FLOAT, values);
  const scalar = (number) => tensor([], FLOAT, Float32Array.of(number));
  const add = (op_type, inputs, attributes = {}) => {
    const output = `value${count += 1}`;
    const attribute = Object.entries(attributes).map(([name, [kind, content]]) => ({ name, type: TYPES[kind], [kind]: content }));
    node.push({ op_type, input: [value, ...inputs], output: [output], attribute });
    value = output;
  };
  for (const { kind, weight, bias, shape, stride, slope } of layers) {
    if (kind === 'linear') add('Gemm', [floats(weight), floats(bias)]);
    else if (kind === 'reshape') add('Reshape', [tensor([4], INT64, BigInt64Array.from([-1, ...shape].map(BigInt)))]);
    else if (kind === 'relu') add('Relu', []);
    else if (kind === 'leaky_relu') add('LeakyRelu', [], { alpha: ['f', slope] });
    else if (kind === 'tanh') add('Tanh', []);
    else if (kind === 'sigmoid') add('Sigmoid', []);
    else if (kind === 'unit') { add('Add', [scalar(1)]); add('Mul', [scalar(0.5)]); }
    else {
      const kernel = weight.shape.slice(2);
      const strides = [stride, stride];
      // "Same" padding: a convolution without a stride, or a transposed one whose kernel has an even rest over its stride.
      const pads = kernel.map((side) => (kind === 'conv2d' ? side - 1 : side - stride) / 2);
      if (pads.some((pad) => !Number.isInteger(pad)) || (kind === 'conv2d' && stride > 1)) throw new Error('an uneven padding is not measured');
      const attributes = { kernel_shape: ['ints', kernel], strides: ['ints', strides], pads: ['ints', [...pads, ...pads]] };
      add(kind === 'conv2d' ? 'Conv' : 'ConvTranspose', [floats(weight), floats(bias)], attributes);
    }
  }
  const info = (name, sides) => ({
    name,
    type: { tensor_type: { elem_type: FLOAT, shape: { dim: [{ dim_param: 'n' }, ...sides.map((dim_value) => ({ dim_value }))] } } },
  });
  node.at(-1).output[0] = 'pixels';
  const graph = { name: 'decoder', node, initializer, input: [info('codes', [layers[0].weight.shape[0]])], output: [info('pixels', [1, 28, 28])] };
  const Model = root.lookupType('ModelProto');
  return Model.encode(Model.fromObject({ ir_version: 8, opset_import: [{ domain: '', version: 17 }], graph })).finish();
}
