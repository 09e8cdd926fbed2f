/**
 * What the kernels must answer, computed by others: @noble/secp256k1, @noble/curves and OpenSSL, or taken from the
 * standards where they give an answer. All in hexadecimal without a prefix.
 */

/** Of `abc`: FIPS 180-4's example, and the Keccak submission's. */
export const ABC = {
  keccak: "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
};

/** Nine nodes of 64 bytes: byte `i` of all is `7i + 13⌊i / 64⌋ + 3`, modulo 256. Nine leave some over, whatever the ways. */
export const NODES = 9;

/** Of the first five nodes as one input of 320 bytes, more than two blocks of either hash. */
export const LONG = {
  keccak: "336c1e8edad41fa54e3054e87031654d8fee1102f4d6ed49992d4d752b340627",
  sha256: "cdb725d15c41909c921def850dac7fe959b93688513f7c0de078ea4d4235b0ea",
};

/** Keccak-256 of each node. */
export const KECCAK_NODES = [
  "0251cf13aa5b18f1cbda7cddbe85f3dc536fc93df590c2d20ca9b28af1ed2c39",
  "aea5820b8fb5cc72c8b847487516c641f29f882ff543ca5948e6b03aeb6ec1d0",
  "22009b3ec586210bfdfdaf806d8e7f17d1769c380257febc4f3adc7c02ebdd18",
  "3b592c28f3a0a3d5554f17f310539f83e08f48617a70cdd064a39519589941e6",
  "588aff6e6b62bfe472990b11ec520c05e40e6be9f20af7ad4691dc9d03f8da13",
  "fb5541c394f698ebd2a6444920ae05d04bbe719ac1f6d09c3cfee0ec3cbd450e",
  "89a97536bfd5ef3bbc7cc8724326e0a8c8629868c9c4907a4c6cc8dd83f96262",
  "89b92897307b7c10e4fbad86eef5fe6a3666125e23dfe829333ecf6447a5363c",
  "cf50c08e4f37acf2ed6de18e02f46b12fa3cc21447d8fb7b161eb4d05eb931be",
];

/** SHA-256 of each node. */
export const SHA256_NODES = [
  "39e3d7b6b5d075d37d053ad89b24b41bef4f3c29760c84447cab3f3be1882241",
  "9a81bcf8c41b68cf26e4fe07ec5885e0b2279fdc6ed3a62f8986c56379981a6e",
  "8a1311b58d603a1362a63d72a52a65bcd393d78b97c729f3ca4b5f9fca1261a2",
  "e1bf30672cc0675d3bc16848f7ddc5b5785d0c92207fc1d4bd2f70e982d70bfe",
  "94d80ec655e6b9662007a61aa10c5c9a6ec018aea7ca62c8de8504305404876a",
  "3c93fb3739f4d7003ecfa3428af3eecdeb29b92e81a6df3008977199beae2bec",
  "7f028439bcf4e27041f22fc2b02621edd7e95345572d4703006bd41dd9ae1c59",
  "447b4994f89bbd55391929d39ab6fcc7a37416a3f25c834ed6b05f5d994e80af",
  "bbbcd91fce3d9ae9e9182458c8bbc4b582452246eb1f1685ec6705ea172bcfcb",
];

/** Public keys of the private keys keccak256("first") and keccak256("second"), by x and y. */
export const KEYS = [
  [
    "cb1077b60d9d5d5a1e7ff54dd0ac82425ecab8a9cd368628b77c335132b17131",
    "694bc5dea28ee4d1d2bf8eaf6e77a737daa1f6e4afe93d6419dc62131d600074",
  ],
  [
    "887e6643556cefdca735bd218b8a4e1a92a36fcc5b0a3b840c959ae51dd1f976",
    "4e8deee56c60622db06e21cec6d53b3a05f4e3fea065fa6c5ef12ee8d41ec391",
  ],
] as const;

/** Signatures of SHA-256 of one byte, 0 to 5, by each key in turn (RFC 6979): digest, r, s, and the parity of R. */
export const SIGNATURES = [
  {
    digest: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    r: "ac3d86e8caf8d7b8162cf7ec272dcc99747e36dfbe1ebd44b83af6d2f361bcd1",
    s: "0a8c14e724292db7cca536f18188a0602359c4647bb2af3cdfa565126841b8bd",
    parity: 1,
  },
  {
    digest: "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
    r: "4f40294667d23838fa8b174758668b9462c2d3d89667e7ef4228e1131713f34c",
    s: "5d942ba7e3dc70145a555e69654769c63507f57ebd9e50a580003ecccfbb44ec",
    parity: 0,
  },
  {
    digest: "dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986",
    r: "04e3070e12c16d296fcc6f8d856bb01bcec9499ddc59596ddde22eb77434e560",
    s: "27de04e91d05d0619480b6874c1d17efcb2f76c116e9fe53def72f67997b135d",
    parity: 0,
  },
  {
    digest: "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5",
    r: "3edd828840802b14e3cdd4029aa42d591f1fb461b1ee7bc42f0298e74830f049",
    s: "5792ab83e83a36760c77d317393d43239f4db729128d491afa1782eac75bc953",
    parity: 0,
  },
  {
    digest: "e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71",
    r: "c1cc68c9d332f5219d21e535358e1b0b8506e8a487dcb55c2af5a7b52ed05bae",
    s: "1aa9db749f7ced66ba56163c4cce36dfd86d3cb1bf8bb5bd3b879e5202125543",
    parity: 1,
  },
  {
    digest: "e77b9a9ae9e30b0dbdb6f510a264ef9de781501d7b6b92ae89eb059c5ab743db",
    r: "b819c3a285a4aa77b149e7465fa673e00b67f57ac24db9730153c0b677ae7665",
    s: "3f68f274725a0f31f3e1716c0c0e4cd943e304af645988f17328c7fe24d6c2b0",
    parity: 1,
  },
] as const;

/** a·Q + b·P + 7·G of the two keys P = a·G and Q = b·G: the scalars a and b, and the sum's x and y. */
export const SUM = {
  a: "692e3fbb06193c3a65b6ccb60c9ec6fb32af21c16d3f6ac10039258c2a5d4d2d",
  b: "45318970bfff215a328f56895f3a97d4f276a44c24c135c12c37867a1f667b8a",
  x: "e33c25af62bdcb642eead6935ffc75cec517eb631b3ecf737e909a30793777d3",
  y: "4aeb17eca729acb1e133114ac6cea9157a0727995cd538913348688887d03fa5",
};

/** The generator, SEC 2 section 2.4.1. Its y is even. */
export const GENERATOR = {
  x: "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
  y: "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
};

/** BIP 340, test vector 1. */
export const SCHNORR = {
  key: "dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
  message: "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
  r: "6896bd60eeae296db48a229ff71dfe071bde413e6d43f917dc8dcf8c78de3341",
  s: "8906d11ac976abccb20b091292bff4ea897efcb639ea871cfa95f6de339e4b0a",
};

/** RFC 9380, appendix J.8.1, the message `abc`. */
export const HASHED_TO_CURVE = {
  tag: "QUUX-V01-CS02-with-secp256k1_XMD:SHA-256_SSWU_RO_",
  message: "abc",
  x: "3377e01eab42db296b512293120c6cee72b6ecf9f9205760bd9ff11fb3cb2c4b",
  y: "7f95890f33efebd1044d382a01b1bee0900fb6116f94688d487c6c7b9c8371f6",
};
