package io.diskengine.engine.host;

import org.jspecify.annotations.Nullable;

/**
 * Something that has one command in a {@link TcpQpair}: what it transfers, and who hears of the
 * end. The buffers stay untouched until one of the two ends is called.
 */
abstract class QpairRequest {
  enum Transfer {
    NONE,
    TO_CONTROLLER,
    FROM_CONTROLLER
  }

  /** Iovec array of the data. */
  long iov;

  int iovCount;
  int dataBytes;
  Transfer transfer = Transfer.NONE;

  /** For lists of whoever holds the request. */
  @Nullable QpairRequest next;

  /**
   * The controller answered.
   *
   * @param status as in {@link io.diskengine.nvme.NvmeStatus}, with flags
   * @param cqe address of the completion, valid during the call
   */
  abstract void completed(int status, long cqe);

  /**
   * The connection is dead and nothing of it can have any effect here any more; whether the
   * controller executed the command is unknown.
   */
  abstract void returned();
}
