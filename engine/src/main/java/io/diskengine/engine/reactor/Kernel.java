package io.diskengine.engine.reactor;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What one reactor asks of the operating system (contracts 8 and 9). Three implementations run the
 * same reactor code and pass the same tests: io_uring, epoll with a bounded pool of threads for
 * files, and a simulated disk and network on virtual time.
 *
 * <p>Operations are completion-shaped: a {@code submit...} call never blocks and never completes
 * inside itself; its result arrives later in {@link #reap} under the caller's {@code userData}.
 * Results are those of the system call: a count or 0 on success, a negative errno on failure.
 * Memory named by an operation (buffers, the iovec array itself) stays untouched by the caller
 * until the completion was reaped. User data is not negative. All calls except {@link #wake} come
 * from one thread, that of the owning reactor; also {@link #close()} once operations were
 * submitted, because only that thread can end them before their memory goes.
 *
 * <p>A socket is used through the kernel that made it (or another of the same kind): whether its
 * descriptor is blocking depends on the implementation.
 *
 * <p>To end a socket: {@link #shutdown} it, wait until its outstanding operations returned, then
 * {@link #close} it. A descriptor is never closed under an outstanding operation.
 */
public interface Kernel extends AutoCloseable {

  /** Receives completions; must not block. */
  interface Completions {
    void completed(long userData, int result);
  }

  /** An iovec array: {@code count} pairs of (u64 base, u64 length) at address {@code iov}. */
  void submitReadv(int fd, long iov, int count, long offsetBytes, long userData);

  /** With {@code durable} the data is on the medium when the operation completes (RWF_DSYNC). */
  void submitWritev(int fd, long iov, int count, long offsetBytes, boolean durable, long userData);

  /** fdatasync(2): everything that completed before is on the medium afterwards. */
  void submitDataSync(int fd, long userData);

  /** fallocate(2) with {@code FALLOC_FL_*} in {@code mode}. */
  void submitFallocate(int fd, int mode, long offsetBytes, long lengthBytes, long userData);

  /** Completes with a connected, close-on-exec socket. */
  void submitAccept(int listenFd, long userData);

  /** Completes with 0 when the stream socket {@code fd} is connected. */
  void submitConnect(int fd, InetSocketAddress peer, long userData);

  /** Completes with the bytes received; 0 is the peer's end of stream. */
  void submitRecv(int fd, long address, int lengthBytes, long userData);

  /** Sends a prefix of the iovec array; completes with the bytes taken. */
  void submitSendv(int fd, long iov, int count, long userData);

  /** One shot: completes with the ready {@code POLL*} bits of {@code events}. */
  void submitPoll(int fd, int events, long userData);

  /** Asks for an early end of an operation: it completes with its result or -ECANCELED. */
  void submitCancel(long targetUserData);

  /** Hands over everything completed (bounded per call); returns how many. Never blocks. */
  int reap(Completions completions);

  /**
   * Sleeps until something completed, {@link #wake} was called (also shortly before), or the time
   * has passed. A timeout below zero means for ever.
   */
  void sleep(long timeoutNs);

  /** Ends a {@link #sleep}, from any thread. */
  void wake();

  /** Nanoseconds of a monotonic clock. */
  long nowNs();

  // Immediate calls: control path only.

  /**
   * open(2) with {@code O_*} flags; O_CLOEXEC is added, on block devices O_EXCL too. A descriptor
   * or a negative errno.
   */
  int openFile(String path, int flags, int mode);

  /** Size in bytes of a regular file or block device, or a negative errno. */
  long sizeBytes(int fd);

  /** ftruncate(2): 0 or a negative errno. */
  int resizeFile(int fd, long lengthBytes);

  /**
   * Contract 13: an exclusive lock that belongs to the open file and ends with its last close. 0,
   * or -EWOULDBLOCK when somebody else holds it.
   */
  int lockExclusive(int fd);

  /** A listening TCP (SO_REUSEADDR; port 0 picks one) or Unix socket, or a negative errno. */
  int listen(SocketAddress local, int backlog);

  /** A TCP socket for {@link #submitConnect}, bound to {@code local} when not null. */
  int streamSocket(InetSocketAddress peer, @Nullable InetSocketAddress local);

  /** The local address of a bound socket. */
  InetSocketAddress localAddress(int fd);

  /** The peer of a connected socket. */
  InetSocketAddress peerAddress(int fd);

  /** TCP_NODELAY on; {@code ackTimeoutMs} is TCP_USER_TIMEOUT, 0 for the system's default. */
  int tuneStream(int fd, int ackTimeoutMs);

  /** shutdown(2) both ways: outstanding operations of the socket return. */
  int shutdown(int fd);

  int close(int fd);

  @Override
  void close();
}
