package io.diskengine.engine.nvmf;

import io.diskengine.nvme.AdminOpcode;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A host on a plain socket that writes and reads PDUs byte by byte, with none of the code under
 * test.
 */
final class WireClient implements AutoCloseable {
  static final int SQE = 64;

  final Socket socket;
  final DataInputStream in;
  final OutputStream out;
  boolean headerDigest;
  boolean dataDigest;
  int cntlid = 0xffff;
  private int nextCid = 1;
  private final Map<Integer, ByteBuffer> reads = new HashMap<>();

  /** A completion: status as {@code sct << 8 | sc}, DNR, dwords 0 and 1, and data of a read. */
  record Answer(int cid, int status, boolean dnr, long result, byte[] data) {}

  /** One received PDU: header with its type in byte 0, and data. */
  record Pdu(ByteBuffer header, byte[] data) {
    int type() {
      return header.get(0) & 0xff;
    }
  }

  WireClient(InetSocketAddress address) throws IOException {
    socket = new Socket();
    socket.connect(address);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(20_000);
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  static WireClient admin(InetSocketAddress address, String subnqn, String hostnqn)
      throws IOException {
    return admin(address, subnqn, hostnqn, false, false);
  }

  static WireClient admin(
      InetSocketAddress address, String subnqn, String hostnqn, boolean hdgst, boolean ddgst)
      throws IOException {
    WireClient client = new WireClient(address);
    client.initialize(hdgst, ddgst);
    Answer answer = client.connect(0, 31, 0xffff, subnqn, hostnqn, 0);
    if (answer.status() != 0) {
      client.close();
      throw new IOException("Connect: status 0x" + Integer.toHexString(answer.status()));
    }
    client.cntlid = (int) answer.result() & 0xffff;
    if (client.propertySet(0x14, 0x460001) != 0) {
      throw new IOException("the controller cannot be enabled");
    }
    return client;
  }

  /** An I/O queue of the same controller. */
  WireClient queue(InetSocketAddress address, String subnqn, String hostnqn, int qid, int sqsize)
      throws IOException {
    WireClient client = new WireClient(address);
    client.initialize(headerDigest, dataDigest);
    Answer answer = client.connect(qid, sqsize, cntlid, subnqn, hostnqn, 0);
    if (answer.status() != 0) {
      client.close();
      throw new IOException("Connect: status 0x" + Integer.toHexString(answer.status()));
    }
    return client;
  }

  static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  ByteBuffer initialize(boolean hdgst, boolean ddgst) throws IOException {
    ByteBuffer icReq = buffer(128);
    icReq.put(2, (byte) 128).putInt(4, 128);
    icReq.put(11, (byte) ((hdgst ? 1 : 0) | (ddgst ? 2 : 0)));
    out.write(icReq.array());
    Pdu answer = receive();
    if (answer.type() != 1) {
      throw new IOException("instead of an ICResp came type " + answer.type());
    }
    headerDigest = (answer.header().get(11) & 1) != 0;
    dataDigest = (answer.header().get(11) & 2) != 0;
    return answer.header();
  }

  // ---- PDUs

  static int crc(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  /** A whole PDU; digests are added as negotiated. */
  byte[] pdu(int type, int flags, byte[] header, byte[] data) {
    int hlen = header.length;
    int pdo = hlen + (headerDigest ? 4 : 0);
    int plen = pdo + data.length + (dataDigest && data.length > 0 ? 4 : 0);
    ByteBuffer pdu = buffer(plen);
    pdu.put(header);
    pdu.put(0, (byte) type);
    pdu.put(1, (byte) (flags | (headerDigest ? 1 : 0) | (dataDigest && data.length > 0 ? 2 : 0)));
    pdu.put(2, (byte) hlen).put(3, (byte) (data.length > 0 ? pdo : 0)).putInt(4, plen);
    if (headerDigest) {
      pdu.putInt(hlen, crc(pdu.array(), 0, hlen));
    }
    if (data.length > 0) {
      pdu.put(pdo, data);
      if (dataDigest) {
        pdu.putInt(pdo + data.length, crc(data, 0, data.length));
      }
    }
    return pdu.array();
  }

  Pdu receive() throws IOException {
    byte[] common = in.readNBytes(8);
    if (common.length < 8) {
      throw new EOFException("the target has closed the connection");
    }
    int hlen = common[2] & 0xff;
    int plen = ByteBuffer.wrap(common).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
    byte[] whole = new byte[plen];
    System.arraycopy(common, 0, whole, 0, 8);
    in.readFully(whole, 8, plen - 8);
    boolean term = common[0] == 3;
    if ((common[1] & 1) != 0) {
      check(crc(whole, 0, hlen), whole, hlen, "header digest");
    }
    int pdo = term ? hlen : common[3] & 0xff;
    byte[] data = new byte[0];
    if (pdo > 0) {
      int end = plen - ((common[1] & 2) != 0 && !term ? 4 : 0);
      data = java.util.Arrays.copyOfRange(whole, pdo, end);
      if (end < plen) {
        check(crc(data, 0, data.length), whole, end, "data digest");
      }
    }
    return new Pdu(ByteBuffer.wrap(whole, 0, hlen).order(ByteOrder.LITTLE_ENDIAN), data);
  }

  private static void check(int crc, byte[] bytes, int at, String what) throws IOException {
    if (ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(at) != crc) {
      throw new IOException("wrong " + what);
    }
  }

  // ---- commands

  /** An SQE without data. */
  ByteBuffer sqe(int opcode, int nsid) {
    ByteBuffer sqe = buffer(SQE);
    sqe.put(0, (byte) opcode).put(1, (byte) 0x40).putShort(2, (short) nextCid++).putInt(4, nsid);
    sqe.put(39, (byte) 0x5a);
    return sqe;
  }

  static int cid(ByteBuffer sqe) {
    return sqe.getShort(2) & 0xffff;
  }

  /** Data outside of the capsule. */
  static ByteBuffer transport(ByteBuffer sqe, int length) {
    sqe.putInt(32, length).put(39, (byte) 0x5a);
    return sqe;
  }

  static ByteBuffer inCapsule(ByteBuffer sqe, int length) {
    sqe.putInt(32, length).put(39, (byte) 0x01);
    return sqe;
  }

  void send(ByteBuffer sqe, byte[] data) throws IOException {
    ByteBuffer header = buffer(72);
    header.position(8).put(sqe.array());
    out.write(pdu(4, 0, header.array(), data));
  }

  void send(ByteBuffer sqe) throws IOException {
    send(sqe, new byte[0]);
  }

  /** The next completion of any command; C2HData before it is collected. */
  Answer answer() throws IOException {
    while (true) {
      Pdu pdu = receive();
      int cid = pdu.header().getShort(8) & 0xffff;
      switch (pdu.type()) {
        case 5 -> {
          ByteBuffer cqe = pdu.header();
          int field = cqe.getShort(8 + 14) & 0xffff;
          ByteBuffer data = reads.remove(cqe.getShort(8 + 12) & 0xffff);
          return new Answer(
              cqe.getShort(8 + 12) & 0xffff,
              field >>> 1 & 0x7ff,
              field >>> 15 == 1,
              cqe.getLong(8),
              data == null ? new byte[0] : data.array());
        }
        case 7 -> {
          if ((pdu.header().get(1) & 8) != 0) {
            return new Answer(cid, 0, false, 0, pdu.data());
          }
          reads.put(cid, ByteBuffer.wrap(pdu.data()));
        }
        default -> throw new IOException("unexpected PDU of type " + pdu.type());
      }
    }
  }

  Answer call(ByteBuffer sqe, byte[] data) throws IOException {
    send(sqe, data);
    return answer();
  }

  Answer call(ByteBuffer sqe) throws IOException {
    return call(sqe, new byte[0]);
  }

  Answer connect(int qid, int sqsize, int cntlid, String subnqn, String hostnqn, int kato)
      throws IOException {
    ByteBuffer sqe = inCapsule(sqe(AdminOpcode.FABRIC, 1), 1024);
    sqe.putShort(42, (short) qid).putShort(44, (short) sqsize).putInt(48, kato);
    return call(sqe, connectData(cntlid, subnqn, hostnqn));
  }

  static byte[] connectData(int cntlid, String subnqn, String hostnqn) {
    ByteBuffer data = buffer(1024);
    for (int i = 0; i < 16; i++) {
      data.put(i, (byte) (i + 1));
    }
    data.putShort(16, (short) cntlid);
    data.put(256, subnqn.getBytes(StandardCharsets.UTF_8));
    data.put(512, hostnqn.getBytes(StandardCharsets.UTF_8));
    return data.array();
  }

  int propertySet(int offset, int value) throws IOException {
    ByteBuffer sqe = sqe(AdminOpcode.FABRIC, 0).putInt(44, offset).putInt(48, value);
    return call(sqe).status();
  }

  Answer propertyGet(int offset, boolean eight) throws IOException {
    return call(sqe(AdminOpcode.FABRIC, 4).put(40, (byte) (eight ? 1 : 0)).putInt(44, offset));
  }

  Answer identify(int cns, int nsid) throws IOException {
    return call(transport(sqe(AdminOpcode.IDENTIFY, nsid), 4096).put(40, (byte) cns));
  }

  Answer logPage(int lid, int bytes, long offset) throws IOException {
    ByteBuffer sqe = transport(sqe(AdminOpcode.GET_LOG_PAGE, 0), bytes);
    sqe.put(40, (byte) lid).putShort(42, (short) (bytes / 4 - 1)).putLong(48, offset);
    return call(sqe);
  }

  ByteBuffer readSqe(long lba, int blocks) {
    return transport(sqe(2, 1), blocks * 512).putLong(40, lba).putInt(48, blocks - 1);
  }

  ByteBuffer writeSqe(long lba, int blocks) {
    return sqe(1, 1).putLong(40, lba).putInt(48, blocks - 1);
  }

  byte[] read(long lba, int blocks) throws IOException {
    Answer answer = call(readSqe(lba, blocks));
    if (answer.status() != 0) {
      throw new IOException("read: status 0x" + Integer.toHexString(answer.status()));
    }
    return answer.data();
  }

  int writeInCapsule(long lba, byte[] data) throws IOException {
    return call(inCapsule(writeSqe(lba, data.length / 512), data.length), data).status();
  }

  /** A write whose data the target asks for, sent in pieces. */
  Answer writeByR2t(long lba, byte[] data, int pieceBytes) throws IOException {
    send(transport(writeSqe(lba, data.length / 512), data.length));
    Pdu r2t = receive();
    if (r2t.type() != 9) {
      throw new IOException("instead of an R2T came type " + r2t.type());
    }
    int offset = r2t.header().getInt(12);
    int end = offset + r2t.header().getInt(16);
    while (offset < end) {
      int bytes = Math.min(pieceBytes, end - offset);
      h2cData(r2t, data, offset, bytes, offset + bytes == end);
      offset += bytes;
    }
    return answer();
  }

  void h2cData(Pdu r2t, byte[] data, int offset, int bytes, boolean last) throws IOException {
    ByteBuffer header = buffer(24);
    header.putInt(8, r2t.header().getInt(8)); // cccid and ttag
    header.putInt(12, offset).putInt(16, bytes);
    out.write(
        pdu(
            6,
            last ? 4 : 0,
            header.array(),
            java.util.Arrays.copyOfRange(data, offset, offset + bytes)));
  }

  /** True when the target closes without a further byte. */
  boolean closedByTarget() throws IOException {
    try {
      return in.read() < 0;
    } catch (java.net.SocketException reset) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
