package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every {@link Kernel} does; each implementation runs all of it. */
abstract class KernelContract {
  static final int CREATE = FileCalls.O_RDWR | FileCalls.O_CREAT;
  private static final long PATIENCE_NS = 10_000_000_000L;

  Kernel kernel;
  final Arena arena = Arena.ofShared();
  private final Map<Long, Integer> results = new HashMap<>();
  private long nextUserData = 1;

  abstract Kernel create() throws Exception;

  /** A name for a file that does not exist yet. */
  abstract String path(String name);

  @BeforeEach
  void start() throws Exception {
    kernel = create();
  }

  @AfterEach
  void stop() {
    kernel.close();
    arena.close();
  }

  // ---- harness

  long userData() {
    return nextUserData++;
  }

  void pump(long sleepNs) {
    if (kernel.reap((userData, result) -> assertThat(results.put(userData, result)).isNull())
        == 0) {
      kernel.sleep(sleepNs);
    }
  }

  int await(long userData) {
    long deadlineNs = kernel.nowNs() + PATIENCE_NS;
    while (!results.containsKey(userData)) {
      assertThat(kernel.nowNs() - deadlineNs).as("no completion of " + userData).isNegative();
      pump(100_000_000);
    }
    return results.remove(userData);
  }

  boolean done(long userData) {
    return results.containsKey(userData);
  }

  /** Lets things settle that should not complete. */
  void pumpFor(long durationNs) {
    long end = kernel.nowNs() + durationNs;
    while (kernel.nowNs() - end < 0) {
      pump(1_000_000);
    }
  }

  long alloc(long bytes) {
    return arena.allocate(bytes, 4096).address();
  }

  long bytes(byte... values) {
    long at = alloc(values.length);
    NativeMemory.copy(values, 0, at, values.length);
    return at;
  }

  /** An iovec array of (address, length) pairs. */
  long iov(long... pairs) {
    long at = alloc(pairs.length * 8L);
    for (int i = 0; i < pairs.length; i += 2) {
      Iovec.set(at, i / 2, pairs[i], pairs[i + 1]);
    }
    return at;
  }

  int open(String name) {
    int fd = kernel.openFile(path(name), CREATE, 0600);
    assertThat(fd).as(Errno.text(fd)).isNotNegative();
    return fd;
  }

  int write(int fd, long offset, byte... data) {
    long id = userData();
    kernel.submitWritev(fd, iov(bytes(data), data.length), 1, offset, false, id);
    return await(id);
  }

  byte[] read(int fd, long offset, int length) {
    long at = alloc(length);
    long id = userData();
    kernel.submitReadv(fd, iov(at, length), 1, offset, id);
    int count = await(id);
    assertThat(count).as(Errno.text(count)).isNotNegative();
    return NativeMemory.bytes(at, count);
  }

  // ---- files

  @Test
  void whatIsWrittenIsReadBack() {
    int fd = open("file");
    assertThat(write(fd, 5, (byte) 1, (byte) 2, (byte) 3)).isEqualTo(3);
    assertThat(read(fd, 0, 100)).containsExactly(0, 0, 0, 0, 0, 1, 2, 3);
    assertThat(kernel.sizeBytes(fd)).isEqualTo(8);
    assertThat(kernel.close(fd)).isZero();
  }

  @Test
  void vectorsAreGatheredAndScattered() {
    int fd = open("file");
    long id = userData();
    long parts = iov(bytes((byte) 1, (byte) 2), 2, bytes((byte) 3), 1);
    kernel.submitWritev(fd, parts, 2, 0, true, id);
    assertThat(await(id)).isEqualTo(3);
    long first = alloc(1);
    long second = alloc(2);
    kernel.submitReadv(fd, iov(first, 1, second, 2), 2, 0, id);
    assertThat(await(id)).isEqualTo(3);
    assertThat(NativeMemory.getByte(first)).isEqualTo((byte) 1);
    assertThat(NativeMemory.bytes(second, 2)).containsExactly(2, 3);
    kernel.close(fd);
  }

  @Test
  void dataSyncCompletesWithZero() {
    int fd = open("file");
    write(fd, 0, new byte[4096]);
    long id = userData();
    kernel.submitDataSync(fd, id);
    assertThat(await(id)).isZero();
    kernel.close(fd);
  }

  @Test
  void aPunchedHoleReadsAsZerosAndKeepsTheSize() {
    int fd = open("file");
    byte[] ones = new byte[12288];
    Arrays.fill(ones, (byte) 1);
    write(fd, 0, ones);
    long id = userData();
    int mode = FileCalls.FALLOC_FL_PUNCH_HOLE | FileCalls.FALLOC_FL_KEEP_SIZE;
    kernel.submitFallocate(fd, mode, 4096, 4096, id);
    assertThat(await(id)).isZero();
    byte[] now = read(fd, 4095, 4098);
    assertThat(now[0]).isEqualTo((byte) 1);
    assertThat(now[1]).isZero();
    assertThat(now[4096]).isZero();
    assertThat(now[4097]).isEqualTo((byte) 1);
    assertThat(kernel.sizeBytes(fd)).isEqualTo(12288);
    kernel.close(fd);
  }

  @Test
  void fallocateGrowsTheFile() {
    int fd = open("file");
    long id = userData();
    kernel.submitFallocate(fd, 0, 0, 1 << 20, id);
    assertThat(await(id)).isZero();
    assertThat(kernel.sizeBytes(fd)).isEqualTo(1 << 20);
    kernel.close(fd);
  }

  @Test
  void readingAtTheEndCompletesWithZeroBytes() {
    int fd = open("file");
    assertThat(kernel.resizeFile(fd, 1000)).isZero();
    assertThat(read(fd, 900, 200)).hasSize(100);
    assertThat(read(fd, 1000, 200)).isEmpty();
    kernel.close(fd);
  }

  @Test
  void aBadDescriptorIsAStatusNotAnException() {
    long id = userData();
    kernel.submitReadv(-1, iov(alloc(8), 8), 1, 0, id);
    assertThat(await(id)).isEqualTo(-Errno.EBADF);
    kernel.submitRecv(-1, alloc(8), 8, id);
    assertThat(await(id)).isEqualTo(-Errno.EBADF);
    assertThat(kernel.openFile(path("none/such"), FileCalls.O_RDWR, 0)).isEqualTo(-Errno.ENOENT);
  }

  @Test
  void aSecondOpenerIsRefusedTheLock() {
    int first = open("file");
    int second = open("file");
    assertThat(kernel.lockExclusive(first)).isZero();
    assertThat(kernel.lockExclusive(second)).isEqualTo(-Errno.EAGAIN);
    kernel.close(first);
    assertThat(kernel.lockExclusive(second)).isZero();
    kernel.close(second);
  }

  @Test
  void thousandsOfOperationsInFlightAllCompleteOnce() {
    int fd = open("file");
    kernel.resizeFile(fd, 1 << 20);
    int count = 10_000; // more than both of io_uring's queues
    long buffer = alloc(512);
    long vector = iov(buffer, 512);
    Random random = new Random(7);
    for (int i = 0; i < count; i++) {
      kernel.submitReadv(fd, vector, 1, random.nextInt(2000) * 512L, userData());
    }
    for (long id = 1; id <= count; id++) {
      assertThat(await(id)).isEqualTo(512);
    }
    kernel.close(fd);
  }

  // ---- sockets

  static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
  }

  /** client, server, listener */
  int[] connected(InetSocketAddress at) {
    int listener = kernel.listen(at, 16);
    assertThat(listener).as(Errno.text(listener)).isNotNegative();
    InetSocketAddress local = kernel.localAddress(listener);
    long accepted = userData();
    long connected = userData();
    kernel.submitAccept(listener, accepted);
    int client = kernel.streamSocket(local, null);
    kernel.submitConnect(client, local, connected);
    assertThat(await(connected)).isZero();
    int server = await(accepted);
    assertThat(server).as(Errno.text(server)).isNotNegative();
    assertThat(kernel.tuneStream(client, 5000)).isZero();
    assertThat(kernel.peerAddress(server)).isEqualTo(kernel.localAddress(client));
    assertThat(kernel.peerAddress(client)).isEqualTo(local);
    return new int[] {client, server, listener};
  }

  void closeAll(int... fds) {
    for (int fd : fds) {
      assertThat(kernel.close(fd)).isZero();
    }
  }

  @Test
  void bytesTravelOverIpv4() {
    exchange(loopback(0));
  }

  @Test
  void bytesTravelOverIpv6() {
    exchange(new InetSocketAddress(InetAddress.ofLiteral("::1"), 0));
  }

  private void exchange(InetSocketAddress at) {
    int[] pair = connected(at);
    long received = userData();
    long buffer = alloc(100);
    kernel.submitRecv(pair[1], buffer, 100, received);
    pumpFor(1_000_000);
    assertThat(done(received)).isFalse();
    long sent = userData();
    long parts = iov(bytes((byte) 1, (byte) 2), 2, bytes((byte) 3), 1);
    kernel.submitSendv(pair[0], parts, 2, sent);
    assertThat(await(sent)).isEqualTo(3);
    assertThat(await(received)).isEqualTo(3);
    assertThat(NativeMemory.bytes(buffer, 3)).containsExactly(1, 2, 3);
    closeAll(pair);
  }

  @Test
  void aStreamLargerThanAllBuffersArrivesWholeInPieces() {
    int[] pair = connected(loopback(0));
    int total = 16 << 20;
    long data = alloc(total);
    for (int i = 0; i < total; i += 4) {
      NativeMemory.putInt(data + i, i * 31);
    }
    long sink = alloc(total);
    long sending = 0;
    long receiving = 0;
    int sent = 0;
    int received = 0;
    int pieces = 0;
    long vector = iov(0, 0);
    while (received < total) {
      if (sending == 0 && sent < total) {
        Iovec.set(vector, 0, data + sent, total - sent);
        sending = userData();
        kernel.submitSendv(pair[0], vector, 1, sending);
      }
      if (receiving == 0) {
        receiving = userData();
        kernel.submitRecv(pair[1], sink + received, Math.min(100_000, total - received), receiving);
      }
      pump(PATIENCE_NS);
      if (sending != 0 && done(sending)) {
        int count = await(sending);
        assertThat(count).isPositive();
        sent += count;
        sending = 0;
        pieces++;
      }
      if (done(receiving)) {
        int count = await(receiving);
        assertThat(count).isPositive();
        received += count;
        receiving = 0;
      }
    }
    assertThat(NativeMemory.equal(data, sink, total)).isTrue();
    assertThat(pieces).as("a send takes what fits, not all").isGreaterThan(1);
    closeAll(pair);
  }

  @Test
  void connectingToNobodyIsRefused() {
    int listener = kernel.listen(loopback(0), 1);
    InetSocketAddress gone = kernel.localAddress(listener);
    kernel.close(listener);
    int client = kernel.streamSocket(gone, null);
    long id = userData();
    kernel.submitConnect(client, gone, id);
    assertThat(await(id)).isEqualTo(-Errno.ECONNREFUSED);
    kernel.close(client);
  }

  @Test
  void theEndOfThePeersStreamIsZeroBytes() {
    int[] pair = connected(loopback(0));
    long id = userData();
    kernel.submitRecv(pair[1], alloc(10), 10, id);
    kernel.close(pair[0]);
    assertThat(await(id)).isZero();
    closeAll(pair[1], pair[2]);
  }

  @Test
  void sendingToAClosedPeerFailsWithoutASignal() {
    int[] pair = connected(loopback(0));
    kernel.close(pair[1]);
    long vector = iov(alloc(10), 10);
    int result = 0;
    for (int i = 0; i < 100 && result >= 0; i++) {
      long id = userData();
      kernel.submitSendv(pair[0], vector, 1, id);
      result = await(id);
      pumpFor(1_000_000);
    }
    assertThat(result).isIn(-Errno.EPIPE, -Errno.ECONNRESET);
    closeAll(pair[0], pair[2]);
  }

  @Test
  void shutdownReturnsWaitingOperations() {
    int[] pair = connected(loopback(0));
    long received = userData();
    kernel.submitRecv(pair[0], alloc(10), 10, received);
    long accepted = userData();
    kernel.submitAccept(pair[2], accepted);
    pumpFor(1_000_000);
    kernel.shutdown(pair[0]);
    assertThat(await(received)).isZero();
    kernel.shutdown(pair[2]);
    assertThat(await(accepted)).isNegative();
    closeAll(pair);
  }

  @Test
  void aCancelledOperationCompletesOnce() {
    int[] pair = connected(loopback(0));
    long received = userData();
    kernel.submitRecv(pair[0], alloc(10), 10, received);
    long accepted = userData();
    kernel.submitAccept(pair[2], accepted);
    pumpFor(1_000_000);
    kernel.submitCancel(received);
    kernel.submitCancel(accepted);
    assertThat(await(received)).isEqualTo(-Errno.ECANCELED);
    assertThat(await(accepted)).isEqualTo(-Errno.ECANCELED);
    kernel.submitCancel(received);
    pumpFor(1_000_000);
    assertThat(done(received)).isFalse();
    closeAll(pair);
  }

  // ---- sleep and wake

  @Test
  void sleepEndsAtItsTimeout() {
    long before = kernel.nowNs();
    kernel.sleep(2_000_000);
    assertThat(kernel.nowNs() - before).isBetween(1_900_000L, 2_000_000_000L);
  }

  @Test
  void aWakeBeforeSleepIsNotLost() {
    kernel.wake();
    long before = kernel.nowNs();
    kernel.sleep(PATIENCE_NS);
    assertThat(kernel.nowNs() - before).isLessThan(PATIENCE_NS / 2);
    pumpFor(0);
  }
}
