package io.diskengine.engine.host;

import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.PduCheck;
import io.diskengine.nvme.PduHeader;
import org.jspecify.annotations.Nullable;

/**
 * The receiving half of a queue pair: splits the stream into PDUs and puts read data into their
 * commands' buffers, from the kernel directly when much of it is still to come, else through the
 * staging buffer. Belongs to the queue pair's reactor.
 */
final class PduStream implements OpCompletion {
  private static final int DIRECT_RECV_BYTES = 4096;

  private final TcpQpair qpair;
  private final Reactor reactor;
  private final int fd;
  private final long staging;
  private final int stagingBytes;
  private final CommandSlot.Piece piece = new CommandSlot.Piece();
  private boolean receiving;

  // staging holds [start, end); then a PDU's data go to a slot's buffers
  private int start;
  private int end;
  private boolean headerChecked;
  private boolean direct;
  private int skipBytes;
  private @Nullable CommandSlot dataSlot;
  private int dataLeft;
  private boolean dataCompletes;

  /** {@code staging} is memory for {@code stagingBytes}. */
  PduStream(TcpQpair qpair, Reactor reactor, int fd, long staging, int stagingBytes) {
    this.qpair = qpair;
    this.reactor = reactor;
    this.fd = fd;
    this.staging = staging;
    this.stagingBytes = stagingBytes;
  }

  /** A receive operation is outstanding. */
  boolean receiving() {
    return receiving;
  }

  void receive() {
    if (receiving || qpair.ending()) {
      return;
    }
    receiving = true;
    CommandSlot slot = dataSlot;
    if (slot != null && skipBytes == 0 && start == end && dataLeft >= DIRECT_RECV_BYTES) {
      long address = slot.contiguous(slot.received, piece);
      int bytes = Math.min(piece.bytes, dataLeft);
      if (bytes >= DIRECT_RECV_BYTES) {
        direct = true;
        reactor.recv(fd, address, bytes, this);
        return;
      }
    }
    direct = false;
    if (start > 0) {
      NativeMemory.copy(staging + start, staging, end - start);
      end -= start;
      start = 0;
    }
    reactor.recv(fd, staging + end, stagingBytes - end, this);
  }

  @Override
  public void completed(int result) {
    receiving = false;
    if (qpair.ending()) {
      qpair.opReturned();
    } else if (result <= 0) {
      qpair.close("receive: " + TcpQpair.failure(result));
    } else {
      if (direct) {
        dataArrived(result);
      } else {
        end += result;
        parse();
      }
      receive();
    }
  }

  private void parse() {
    while (!qpair.ending()) {
      if (skipBytes > 0) {
        int skipped = Math.min(skipBytes, end - start);
        start += skipped;
        skipBytes -= skipped;
      }
      if (skipBytes > 0 || dataLeft > 0 && !copyData()) {
        return;
      }
      int available = end - start;
      long pdu = staging + start;
      if (available < PduHeader.SIZE || !headerChecked && !checkHeader(pdu)) {
        return;
      }
      int bytes = isTermReq(pdu) ? (int) PduHeader.plen(pdu) : PduHeader.hlen(pdu);
      if (available < bytes) {
        return;
      }
      headerChecked = false;
      start += bytes;
      qpair.handle(pdu);
    }
  }

  private static boolean isTermReq(long pdu) {
    return PduHeader.type(pdu) == PduHeader.C2H_TERM_REQ;
  }

  private boolean checkHeader(long pdu) {
    boolean isIc = PduHeader.type(pdu) == PduHeader.IC_RESP;
    long answer = PduCheck.commonHeader(pdu, false, 0, 4, TcpQpair.MOST_DATA_BYTES);
    if (answer != PduCheck.OK || qpair.awaitsIcResp() != isIc && !isTermReq(pdu)) {
      qpair.close("malformed or unexpected PDU of type " + PduHeader.type(pdu));
      return false;
    }
    headerChecked = true;
    return true;
  }

  /**
   * {@code bytes} of the slot's data follow, after {@code skip} that are none; {@code completes}:
   * they are also the answer that the command was successful.
   */
  void expectData(CommandSlot slot, int bytes, int skip, boolean completes) {
    dataSlot = slot;
    dataLeft = bytes;
    skipBytes = skip;
    dataCompletes = completes;
  }

  /** Copies what is staged of a PDU's data; false when more has to come. */
  private boolean copyData() {
    while (dataLeft > 0 && start < end) {
      CommandSlot slot = dataSlot();
      long address = slot.contiguous(slot.received, piece);
      int bytes = Math.min(Math.min(piece.bytes, dataLeft), end - start);
      NativeMemory.copy(staging + start, address, bytes);
      start += bytes;
      dataArrived(bytes);
    }
    return dataLeft == 0;
  }

  private CommandSlot dataSlot() {
    CommandSlot slot = dataSlot;
    if (slot == null) {
      throw new IllegalStateException("data of no command");
    }
    return slot;
  }

  private void dataArrived(int bytes) {
    CommandSlot slot = dataSlot();
    slot.received += bytes;
    dataLeft -= bytes;
    if (dataLeft == 0) {
      dataSlot = null;
      if (dataCompletes) {
        qpair.dataWasTheAnswer(slot);
      }
    }
  }
}
