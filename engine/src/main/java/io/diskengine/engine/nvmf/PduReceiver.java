package io.diskengine.engine.nvmf;

import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.PduCheck;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.TermReq;
import org.jspecify.annotations.Nullable;

/**
 * The receiving half of a connection: splits the stream into PDUs, checks headers and digests, and
 * puts data where they belong. Headers and short data pass through a staging buffer, so that one
 * receive brings many commands; long data are received straight into the command's buffer.
 *
 * <p>It goes no further while a capsule may not be accepted, or while data wait for a buffer.
 */
final class PduReceiver implements OpCompletion {
  /** Room for the commands of a deep queue with 4 KiB each; pages never used cost nothing. */
  static final int STAGING_BYTES = 256 << 10;

  /** While data of R2Ts are under way: little is staged, so that most of it is not copied. */
  private static final int EXPECTING_BYTES = 4096;

  /** Shorter remainders of data come with what follows them, and are copied. */
  private static final int DIRECT_RECV_BYTES = 8192;

  private enum Phase {
    HEADER,
    DATA,
    DIGEST
  }

  private final TcpConnection connection;
  private final Reactor reactor;
  private final int fd;
  private final long staging;
  private final Crc32c crc;
  private final int maxCapsuleDataBytes;
  private final int maxDataBytes;
  private int digests;

  private Phase phase = Phase.HEADER;
  private boolean headerChecked;
  private int start;
  private int end;
  private boolean receiving;
  private boolean parsing;
  private boolean direct;

  /** A capsule waits for a slot, or for the host to take its data. */
  private boolean blocked;

  // the data of the PDU being received; no request: they are dropped
  private @Nullable NvmfRequest dataRequest;
  private long dataAddress;
  private int dataLeft;
  private int dataBytes;
  private boolean dataDigest;

  /** {@code staging}: memory for {@link #STAGING_BYTES}. */
  PduReceiver(
      TcpConnection connection, int fd, long staging, TransportOptions options, Crc32c crc) {
    this.connection = connection;
    this.reactor = connection.reactor();
    this.fd = fd;
    this.staging = staging;
    this.crc = crc;
    maxCapsuleDataBytes =
        Math.max(options.inCapsuleDataSize(), TransportOptions.ADMIN_IN_CAPSULE_BYTES);
    maxDataBytes = options.maxIoSize();
  }

  void digests(int negotiated) {
    digests = negotiated;
  }

  /** A receive operation is outstanding. */
  boolean receiving() {
    return receiving;
  }

  /** Receives what comes next, unless the connection cannot use it now. */
  void receive() {
    if (receiving || connection.closing()) {
      return;
    }
    if (connection.terminated() || start == end) {
      start = 0;
      end = 0;
    }
    if (phase == Phase.DATA && dataRequest != null && !connection.terminated()) {
      if (dataAddress == 0) {
        return; // the buffer's arrival goes on
      }
      if (dataLeft >= DIRECT_RECV_BYTES) {
        direct = true;
        receiving = true;
        reactor.recv(fd, dataAddress, dataLeft, this);
        return;
      }
    }
    if (start > 0) {
      NativeMemory.copy(staging + start, staging, end - start);
      end -= start;
      start = 0;
    }
    if (end < STAGING_BYTES) { // else the parser is blocked
      direct = false;
      receiving = true;
      int room = STAGING_BYTES - end;
      int bytes = connection.expectsData() ? Math.min(room, EXPECTING_BYTES) : room;
      reactor.recv(fd, staging + end, bytes, this);
    }
  }

  @Override
  public void completed(int result) {
    receiving = false;
    if (connection.closing()) {
      connection.finishClose();
    } else if (result <= 0) {
      connection.close();
    } else {
      if (direct) {
        dataArrived(result);
      } else if (!connection.terminated()) {
        end += result;
      }
      parse();
    }
  }

  private void dataArrived(int bytes) {
    dataAddress += bytes;
    dataLeft -= bytes;
  }

  /** A slot has become free. */
  void unblock() {
    if (blocked) {
      parse();
    }
  }

  /** The buffer is there that the data of a capsule waited for. */
  void bufferGranted(NvmfRequest request) {
    dataAddress = request.buffer;
    parse();
  }

  /** Handles what is there until something is missing, then receives. */
  private void parse() {
    if (parsing) {
      return;
    }
    parsing = true;
    try {
      while (connection.takesPdus() && step()) {
        // the step did it
      }
    } finally {
      parsing = false;
    }
    receive();
  }

  private boolean step() {
    return switch (phase) {
      case HEADER -> header();
      case DATA -> data();
      case DIGEST -> digest();
    };
  }

  private boolean header() {
    long pdu = staging + start;
    int available = end - start;
    if (available < PduHeader.SIZE || !headerChecked && !commonHeaderHolds(pdu)) {
      return false;
    }
    int type = PduHeader.type(pdu);
    int data = type == PduHeader.H2C_TERM_REQ ? 0 : (int) PduCheck.dataBytes(pdu);
    int headerBytes = data > 0 ? PduHeader.pdo(pdu) : PduCheck.headerEnd(pdu);
    if (available < headerBytes) {
      return false;
    }
    blocked = type == PduHeader.CAPSULE_CMD && !connection.mayAccept();
    if (blocked) {
      return false;
    }
    headerChecked = false;
    if (!headerDigestHolds(pdu)) {
      return false;
    }
    start += headerBytes;
    dataBytes = data;
    dataLeft = data;
    dataDigest = data > 0 && (PduHeader.flags(pdu) & PduHeader.DDGSTF) != 0;
    switch (type) {
      case PduHeader.IC_REQ -> connection.icReq(pdu);
      case PduHeader.CAPSULE_CMD -> connection.capsule(pdu, data);
      case PduHeader.H2C_DATA -> connection.h2cData(pdu, data);
      default -> connection.close(); // the host ends the connection with a TermReq
    }
    return true;
  }

  private boolean commonHeaderHolds(long pdu) {
    int type = PduHeader.type(pdu);
    int most = type == PduHeader.CAPSULE_CMD ? maxCapsuleDataBytes : maxDataBytes;
    long answer = PduCheck.commonHeader(pdu, true, digests, 4, most);
    if (answer == PduCheck.OK && (type == PduHeader.IC_REQ) != connection.awaitsIcReq()) {
      answer = TermReq.PDU_SEQUENCE_ERROR;
    }
    if (answer != PduCheck.OK) {
      connection.terminate(PduCheck.fes(answer), PduCheck.fei(answer), pdu);
      return false;
    }
    headerChecked = true;
    return true;
  }

  private boolean headerDigestHolds(long pdu) {
    if ((digests & PduHeader.HDGSTF) == 0 || PduHeader.type(pdu) < PduHeader.CAPSULE_CMD) {
      return true;
    }
    int hlen = PduHeader.hlen(pdu);
    int digest = crc.of(pdu, hlen);
    if (digest == NativeMemory.getInt(pdu + hlen)) {
      return true;
    }
    connection.terminate(TermReq.HDGST_ERROR, digest, pdu);
    return false;
  }

  /** Bytes that have arrived from {@code pdu} on. */
  int available(long pdu) {
    return (int) (staging + end - pdu);
  }

  /**
   * The PDU's data go to {@code address} (0: a buffer will be granted), or nowhere when {@code
   * request} is null.
   */
  void receiveData(@Nullable NvmfRequest request, long address) {
    phase = Phase.DATA;
    dataRequest = request;
    dataAddress = address;
  }

  private boolean data() {
    if (dataRequest != null && dataAddress == 0) {
      return false;
    }
    int bytes = Math.min(end - start, dataLeft);
    if (dataRequest != null && bytes > 0) {
      NativeMemory.copy(staging + start, dataAddress, bytes);
    }
    start += bytes;
    dataArrived(bytes);
    if (dataLeft > 0) {
      return false;
    }
    if (dataDigest) {
      phase = Phase.DIGEST;
    } else {
      dataComplete(true);
    }
    return true;
  }

  private boolean digest() {
    if (end - start < Crc32c.DIGEST_SIZE) {
      return false;
    }
    boolean holds =
        dataRequest == null
            || crc.of(dataAddress - dataBytes, dataBytes) == NativeMemory.getInt(staging + start);
    start += Crc32c.DIGEST_SIZE;
    dataComplete(holds);
    return true;
  }

  private void dataComplete(boolean digestHolds) {
    phase = Phase.HEADER;
    NvmfRequest request = dataRequest;
    dataRequest = null;
    if (request != null) {
      connection.dataArrived(request, dataBytes, digestHolds);
    }
  }
}
