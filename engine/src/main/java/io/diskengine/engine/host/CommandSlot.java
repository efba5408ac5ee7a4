package io.diskengine.engine.host;

import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.H2cData;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.Sqe;
import org.jspecify.annotations.Nullable;

/**
 * One command of a queue pair: its PDU headers, and how far sending and receiving are. The command
 * identifier is the slot's index with a generation above it, so that an answer to an earlier use is
 * known.
 *
 * <pre>
 *   0 capsule header and SQE, 72 bytes, padded to CPDA | 256 H2CData header, padded to CPDA | 384 CQE
 * </pre>
 */
final class CommandSlot {
  static final int BYTES = 512;
  private static final int H2C = 256;
  private static final int CQE = 384;
  private static final int INDEX_BITS = 8;

  private final int index;
  private final long memory;
  private int generation;

  @Nullable QpairRequest request;

  /** In the send queue, or among the free slots. */
  @Nullable CommandSlot next;

  /** In the order of submission. */
  long sequence;

  long submittedAtNs;

  /** Bytes of read data that have arrived. */
  int received;

  // the PDU that is queued for sending
  boolean sending;
  private long header;
  private int headerBytes;
  private int pduBytes;
  private int dataOffset;
  private int sent;

  /** Tag of the R2T that is being answered. */
  private int ttag;

  /** How much of the data, from the start, went into the capsule or was asked for by R2Ts. */
  int granted;

  // an R2T that came before the kernel told that the PDU before it is out
  int nextTtag;
  int nextGrantBytes;

  /** The answer came while a PDU of the command was still with the kernel. */
  boolean answered;

  CommandSlot(int index, long memory) {
    this.index = index;
    this.memory = memory;
  }

  static int indexOf(int cid) {
    return cid & (1 << INDEX_BITS) - 1;
  }

  int cid() {
    return index | (generation & 0xff) << INDEX_BITS;
  }

  long sqe() {
    return memory + PduHeader.SIZE;
  }

  long cqe() {
    return memory + CQE;
  }

  void take(QpairRequest by) {
    request = by;
    received = 0;
    granted = 0;
    answered = false;
    nextGrantBytes = 0;
    Sqe.init(sqe(), 0, cid(), 0);
  }

  /** The command is over; the identifier is never valid again. */
  QpairRequest release() {
    QpairRequest by = request();
    request = null;
    generation++;
    return by;
  }

  QpairRequest request() {
    QpairRequest by = request;
    if (by == null) {
      throw new IllegalStateException("slot " + index + " is free");
    }
    return by;
  }

  void keepAnswer(long cqe) {
    NativeMemory.copy(cqe, cqe(), Cqe.SIZE);
  }

  void keepSuccess() {
    Cqe.init(cqe(), cid(), 0, 0);
  }

  // ---- sending

  /** The capsule with {@code dataBytes} of in-capsule data behind it, which start aligned. */
  void prepareCapsule(int alignment, int dataBytes) {
    int hlen = PduHeader.SIZE + Sqe.SIZE;
    int pdo = dataBytes == 0 ? 0 : aligned(hlen, alignment);
    headerBytes = dataBytes == 0 ? hlen : pdo;
    NativeMemory.zero(memory + hlen, headerBytes - hlen);
    PduHeader.init(memory, PduHeader.CAPSULE_CMD, 0, hlen, pdo, headerBytes + dataBytes);
    header = memory;
    pduBytes = headerBytes + dataBytes;
    dataOffset = 0;
    sent = 0;
  }

  /** A PDU without data that was written to the slot's memory. */
  void preparePdu(int bytes) {
    header = memory;
    headerBytes = bytes;
    pduBytes = bytes;
    sent = 0;
  }

  /** An R2T for what follows: it is sent in chunks, see {@link #prepareData}. */
  void grant(int transferTag, int bytes) {
    ttag = transferTag;
    dataOffset = granted;
    granted += bytes;
    pduBytes = 0;
    headerBytes = 0;
    nextGrantBytes = 0;
  }

  /** Nothing that was granted is still to be prepared, and no further grant waits. */
  boolean allGrantedIsSent() {
    return nextGrantBytes == 0 && dataOffset + pduBytes - headerBytes == granted;
  }

  /** The next H2CData of the R2T; false when there is none left. */
  boolean prepareData(int alignment, int mostBytes) {
    int from = dataOffset + pduBytes - headerBytes;
    if (from >= granted) {
      return false;
    }
    int bytes = Math.min(mostBytes, granted - from);
    int flags = from + bytes == granted ? PduHeader.LAST_PDU : 0;
    header = memory + H2C;
    headerBytes = aligned(H2cData.SIZE, alignment);
    NativeMemory.zero(header, headerBytes);
    PduHeader.init(
        header, PduHeader.H2C_DATA, flags, H2cData.SIZE, headerBytes, headerBytes + bytes);
    H2cData.cccid(header, cid());
    H2cData.ttag(header, ttag);
    H2cData.datao(header, from);
    H2cData.datal(header, bytes);
    pduBytes = headerBytes + bytes;
    dataOffset = from;
    sent = 0;
    return true;
  }

  private static int aligned(int bytes, int alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
  }

  /**
   * Adds what is left of the PDU to an iovec array; returns the new count, at most {@code most}.
   */
  int gather(long iovs, int first, int most) {
    int count = first;
    if (sent < headerBytes) {
      Iovec.set(iovs, count++, header + sent, headerBytes - sent);
    }
    int left = pduBytes - Math.max(sent, headerBytes);
    if (left == 0) {
      return count;
    }
    QpairRequest by = request();
    long skip = dataOffset + (long) Math.max(0, sent - headerBytes);
    for (int i = 0; left > 0 && count < most; i++) {
      long from = Iovec.at(by.iov, i);
      long length = Iovec.length(from);
      if (skip >= length) {
        skip -= length;
        continue;
      }
      int piece = (int) Math.min(length - skip, left);
      Iovec.set(iovs, count++, Iovec.base(from) + skip, piece);
      left -= piece;
      skip = 0;
    }
    return count;
  }

  /** The kernel took up to {@code bytes} of this PDU; returns how many belong to it. */
  int taken(int bytes) {
    int mine = Math.min(bytes, pduBytes - sent);
    sent += mine;
    return mine;
  }

  boolean wholeSent() {
    return sent == pduBytes;
  }

  /** The address of the read data at {@code offset}, and how many bytes are contiguous there. */
  long contiguous(int offset, Piece piece) {
    QpairRequest by = request();
    long skip = offset;
    for (int i = 0; i < by.iovCount; i++) {
      long from = Iovec.at(by.iov, i);
      long length = Iovec.length(from);
      if (skip < length) {
        piece.bytes = (int) Math.min(length - skip, by.dataBytes - offset);
        return Iovec.base(from) + skip;
      }
      skip -= length;
    }
    throw new IllegalStateException("offset " + offset + " lies behind the data");
  }

  /** {@link #contiguous}'s second answer. */
  static final class Piece {
    int bytes;
  }
}
