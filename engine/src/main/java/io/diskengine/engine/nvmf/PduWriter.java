package io.diskengine.engine.nvmf;

import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleCmd;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.IcResp;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.R2t;
import io.diskengine.nvme.Sqe;
import io.diskengine.nvme.TermReq;

/** Writes the PDUs of one connection, with the digests and the alignment that were negotiated. */
final class PduWriter {
  private final Crc32c crc;
  private int digests;
  private int alignment = 4;

  PduWriter(Crc32c crc) {
    this.crc = crc;
  }

  /** {@code alignment}: data in C2HData start at multiples of it, bytes. */
  void negotiated(int digests, int alignment) {
    this.digests = digests;
    this.alignment = alignment;
  }

  /** Returns the PDU's length. */
  static int icResp(long pdu, int digests, int maxH2cDataBytes) {
    NativeMemory.zero(pdu, IcResp.SIZE);
    PduHeader.init(pdu, PduHeader.IC_RESP, 0, IcResp.SIZE, 0, IcResp.SIZE);
    IcResp.dgst(pdu, digests);
    IcResp.maxh2cdata(pdu, maxH2cDataBytes);
    return IcResp.SIZE;
  }

  /** With the header of the PDU that was wrong, as much as there is of it. */
  static int termReq(long pdu, int fes, int fei, long wrong, int availableBytes) {
    int copied = Math.min(CapsuleCmd.SIZE, availableBytes);
    int bytes = TermReq.SIZE + copied;
    NativeMemory.zero(pdu, TermReq.SIZE);
    PduHeader.init(pdu, PduHeader.C2H_TERM_REQ, 0, TermReq.SIZE, 0, bytes);
    TermReq.fes(pdu, fes);
    TermReq.fei(pdu, fei);
    NativeMemory.copy(wrong, pdu + TermReq.SIZE, copied);
    return bytes;
  }

  /** Asks for all data of the command. */
  void r2t(NvmfRequest request) {
    long pdu = request.r2t;
    NativeMemory.zero(pdu, R2t.SIZE);
    int bytes = header(pdu, PduHeader.R2T, 0, R2t.SIZE);
    R2t.cccid(pdu, Sqe.cid(request.sqe));
    R2t.ttag(pdu, request.slot);
    R2t.r2tl(pdu, request.dataBytes);
    seal(pdu);
    request.ready.clear().add(pdu, bytes);
  }

  void response(NvmfRequest request, int sqhd, int status, long result) {
    long pdu = request.response;
    int bytes = header(pdu, PduHeader.CAPSULE_RESP, 0, CapsuleResp.SIZE);
    Cqe.init(pdu + PduHeader.SIZE, Sqe.cid(request.sqe), sqhd, status);
    NativeMemory.putLong(pdu + PduHeader.SIZE, result);
    seal(pdu);
    request.answer.add(pdu, bytes);
  }

  /** All data of the command in one PDU; {@code success}: no response follows. */
  void data(NvmfRequest request, boolean success) {
    long pdu = request.c2h;
    boolean digest = (digests & PduHeader.DDGSTF) != 0;
    int flags =
        PduHeader.LAST_PDU | (success ? PduHeader.SUCCESS : 0) | (digest ? PduHeader.DDGSTF : 0);
    int header = header(pdu, PduHeader.C2H_DATA, flags, C2hData.SIZE);
    int pdo = (header + alignment - 1) / alignment * alignment;
    NativeMemory.zero(pdu + PduHeader.SIZE, pdo - PduHeader.SIZE);
    PduHeader.pdo(pdu, pdo);
    PduHeader.plen(pdu, (long) pdo + request.dataBytes + (digest ? Crc32c.DIGEST_SIZE : 0));
    C2hData.cccid(pdu, Sqe.cid(request.sqe));
    C2hData.datal(pdu, request.dataBytes);
    seal(pdu);
    request.answer.add(pdu, pdo).add(request.buffer, request.dataBytes);
    if (digest) {
      NativeMemory.putInt(request.digest, crc.of(request.buffer, request.dataBytes));
      request.answer.add(request.digest, Crc32c.DIGEST_SIZE);
    }
  }

  /** Returns the header's length with its digest, which {@link #seal} adds. */
  private int header(long pdu, int type, int flags, int hlen) {
    boolean digest = (digests & PduHeader.HDGSTF) != 0;
    int bytes = hlen + (digest ? Crc32c.DIGEST_SIZE : 0);
    PduHeader.init(pdu, type, flags | (digest ? PduHeader.HDGSTF : 0), hlen, 0, bytes);
    return bytes;
  }

  private void seal(long pdu) {
    if ((digests & PduHeader.HDGSTF) != 0) {
      int hlen = PduHeader.hlen(pdu);
      NativeMemory.putInt(pdu + hlen, crc.of(pdu, hlen));
    }
  }
}
