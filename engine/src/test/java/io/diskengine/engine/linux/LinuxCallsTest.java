package io.diskengine.engine.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxCallsTest {
  @TempDir Path directory;
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void free() {
    arena.close();
  }

  private long alloc(int bytes) {
    return arena.allocate(bytes, 8).address();
  }

  private static int ok(int result) {
    assertThat(result).as(Errno.name(result)).isNotNegative();
    return result;
  }

  @Test
  void errorsHaveTheNamesAndTextsOfStrerror() {
    assertThat(Errno.text(-17)).isEqualTo("File exists");
    assertThat(Errno.text(22)).isEqualTo("Invalid argument");
    assertThat(Errno.text(84)).isEqualTo("Invalid or incomplete multibyte or wide character");
    assertThat(Errno.name(-95)).isEqualTo("EOPNOTSUPP");
    assertThat(Errno.name(Errno.ENOSPC)).isEqualTo("ENOSPC");
    assertThat(Errno.text(4000)).isEqualTo("Unknown error 4000");
    assertThat(Errno.name(4000)).isEqualTo("errno 4000");
  }

  @Test
  void filesAreOpenedReadWrittenAndRemoved() {
    String path = directory.resolve("f").toString();
    int fd = ok(FileCalls.open(path, FileCalls.O_RDWR | FileCalls.O_CREAT, 0640));
    long buffer = alloc(16);
    NativeMemory.putLong(buffer, 0x1122334455667788L);
    assertThat(FileCalls.pwrite(fd, buffer, 8, 100)).isEqualTo(8);
    assertThat(FileCalls.pread(fd, buffer + 8, 8, 100)).isEqualTo(8);
    assertThat(NativeMemory.getLong(buffer + 8)).isEqualTo(0x1122334455667788L);
    long iov = alloc(16);
    Iovec.set(iov, 0, buffer, 8);
    assertThat(FileCalls.pwritev2(fd, iov, 1, 1L << 33, FileCalls.RWF_DSYNC)).isEqualTo(8);
    assertThat(FileCalls.preadv(fd, iov, 1, 1L << 33)).isEqualTo(8);
    assertThat(FileCalls.sizeBytes(fd)).isEqualTo((1L << 33) + 8);
    ok(FileCalls.ftruncate(fd, 4096));
    ok(FileCalls.fsync(fd));
    ok(FileCalls.chmod(path, 0600));
    assertThat(FileCalls.status(path))
        .isInstanceOfSatisfying(
            FileCalls.StatusResult.Ok.class,
            ok -> {
              assertThat(ok.status().mode()).isEqualTo(0x8000 | 0600);
              assertThat(ok.status().sizeBytes()).isEqualTo(4096);
              assertThat(ok.status().isRegularFile()).isTrue();
            });
    ok(FileCalls.unlink(path));
    assertThat(FileCalls.open(path, FileCalls.O_RDWR, 0)).isEqualTo(-Errno.ENOENT);
    ok(FileCalls.close(fd));
  }

  @Test
  void aLocksHolderIsNamed() {
    String path = directory.resolve("f").toString();
    int fd = ok(FileCalls.open(path, FileCalls.O_RDWR | FileCalls.O_CREAT, 0600));
    assertThat(FileCalls.lockHolderPid(path)).isEmpty();
    ok(FileCalls.flock(fd, FileCalls.LOCK_EX | FileCalls.LOCK_NB));
    int own = (int) ProcessHandle.current().pid();
    assertThat(FileCalls.lockHolderPid(path)).hasValue(own);
    ok(FileCalls.close(fd));
    assertThat(FileCalls.lockHolderPid(path)).isEmpty();
  }

  @Test
  void openFileDescriptionLocksExcludeEachOther() {
    String path = directory.resolve("f").toString();
    int first = ok(FileCalls.open(path, FileCalls.O_RDWR | FileCalls.O_CREAT, 0600));
    int second = ok(FileCalls.open(path, FileCalls.O_RDWR, 0));
    ok(FileCalls.ofdLock(first));
    assertThat(FileCalls.ofdLock(second)).isEqualTo(-Errno.EAGAIN);
    ok(FileCalls.close(first));
    ok(FileCalls.ofdLock(second));
    ok(FileCalls.close(second));
  }

  @Test
  void descriptorsAndSharedMemoryTravelOverAUnixSocket() {
    int[] pair = new int[2];
    ok(SocketCalls.socketPair(SocketCalls.SOCK_STREAM, pair));
    int memory = ok(MemoryCalls.memfdCreate("guest"));
    int event = ok(FileCalls.eventfd(FileCalls.EFD_NONBLOCK));
    ok(FileCalls.ftruncate(memory, 4096));
    int rw = MemoryCalls.PROT_READ | MemoryCalls.PROT_WRITE;
    long mine = MemoryCalls.mmap(0, 4096, rw, MemoryCalls.MAP_SHARED, memory, 0);
    NativeMemory.putLong(mine, 4711);

    long bytes = alloc(8);
    UnixMessage sender = new UnixMessage(arena, 8);
    assertThat(sender.send(pair[0], bytes, 5, 0, memory, event)).isEqualTo(5);
    UnixMessage receiver = new UnixMessage(arena, 8);
    assertThat(receiver.receive(pair[1], bytes, 8, 0)).isEqualTo(5);
    assertThat(receiver.descriptorCount()).isEqualTo(2);
    assertThat(receiver.truncated()).isFalse();

    long theirs = MemoryCalls.mmap(0, 4096, rw, MemoryCalls.MAP_SHARED, receiver.descriptor(0), 0);
    assertThat(theirs).isNotEqualTo(mine).isPositive();
    assertThat(NativeMemory.getLong(theirs)).isEqualTo(4711);
    assertThat(NativeMemory.compareAndSetLong(theirs, 4711, 5)).isTrue();
    assertThat(NativeMemory.getLongVolatile(mine)).isEqualTo(5);
    NativeMemory.putLong(bytes, 3);
    assertThat(FileCalls.write(receiver.descriptor(1), bytes, 8)).isEqualTo(8);
    assertThat(FileCalls.pollNow(event, FileCalls.POLLIN)).isEqualTo(FileCalls.POLLIN);
    assertThat(FileCalls.read(event, bytes, 8)).isEqualTo(8);
    assertThat(FileCalls.read(event, bytes, 8)).isEqualTo(-Errno.EAGAIN);

    assertThat(sender.send(pair[0], bytes, 1, 0)).isEqualTo(1);
    assertThat(receiver.receive(pair[1], bytes, 8, 0)).isEqualTo(1);
    assertThat(receiver.descriptorCount()).isZero();
    for (int fd : new int[] {pair[0], pair[1], memory, event}) {
      ok(FileCalls.close(fd));
    }
    MemoryCalls.munmap(mine, 4096);
    MemoryCalls.munmap(theirs, 4096);
  }

  @Test
  void moreDescriptorsThanThereIsRoomForAreReported() {
    int[] pair = new int[2];
    ok(SocketCalls.socketPair(SocketCalls.SOCK_STREAM, pair));
    long bytes = alloc(8);
    new UnixMessage(arena, 8).send(pair[0], bytes, 1, 0, pair[0], pair[0], pair[0], pair[0]);
    UnixMessage receiver = new UnixMessage(arena, 2);
    assertThat(receiver.receive(pair[1], bytes, 8, 0)).isEqualTo(1);
    assertThat(receiver.truncated()).isTrue();
    assertThat(receiver.descriptorCount()).isEqualTo(2);
    ok(FileCalls.close(receiver.descriptor(0)));
    ok(FileCalls.close(receiver.descriptor(1)));
    ok(FileCalls.close(pair[0]));
    ok(FileCalls.close(pair[1]));
  }

  @Test
  void aUnixSocketListensOnAPath() {
    var address = UnixDomainSocketAddress.of(directory.resolve("s"));
    int listener = ok(SocketCalls.socket(SocketCalls.AF_UNIX, SocketCalls.SOCK_STREAM));
    ok(SocketCalls.bind(listener, address));
    ok(SocketCalls.listen(listener, 1));
    int client = ok(SocketCalls.socket(SocketName.family(address), SocketCalls.SOCK_STREAM));
    ok(SocketCalls.connect(client, address));
    int server = ok(SocketCalls.accept(listener, 0));
    long bytes = alloc(8);
    assertThat(SocketCalls.send(client, bytes, 8, 0)).isEqualTo(8);
    assertThat(SocketCalls.recv(server, bytes, 8, 0)).isEqualTo(8);
    ok(SocketCalls.shutdown(client, SocketCalls.SHUT_WR));
    assertThat(SocketCalls.recv(server, bytes, 8, 0)).isZero();
    assertThat(SocketCalls.send(client, bytes, 8, SocketCalls.MSG_NOSIGNAL))
        .isEqualTo(-Errno.EPIPE);
    ok(FileCalls.close(client));
    ok(FileCalls.close(server));
    ok(FileCalls.close(listener));
    var tooLong = UnixDomainSocketAddress.of("/" + "x".repeat(107));
    assertThatThrownBy(() -> SocketName.encode(tooLong, alloc(SocketName.BYTES)))
        .hasMessageContaining("108 bytes, at most 107");
  }

  @Test
  void socketAddressesRoundTrip() {
    long at = alloc(SocketName.BYTES);
    for (String ip : new String[] {"192.0.2.7", "2001:db8::42", "::1"}) {
      InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral(ip), 4420);
      SocketName.encode(address, at);
      assertThat(SocketName.decode(at)).isEqualTo(address);
    }
    SocketName.encode(new InetSocketAddress(InetAddress.ofLiteral("192.0.2.7"), 4420), at);
    assertThat(NativeMemory.bytes(at, 8)).containsExactly(2, 0, 0x11, 0x44, (byte) 192, 0, 2, 7);
  }

  @Test
  void epollWaitsNanoseconds() {
    int epoll = ok(EpollCalls.create());
    int event = ok(FileCalls.eventfd(0));
    long scratch = alloc(64);
    ok(EpollCalls.ctl(epoll, EpollCalls.EPOLL_CTL_ADD, event, EpollCalls.EPOLLIN, 99, scratch));
    long before = System.nanoTime();
    assertThat(EpollCalls.wait(epoll, scratch, 1, 300_000, scratch + 32)).isZero();
    assertThat(System.nanoTime() - before).isGreaterThan(290_000);
    NativeMemory.putLong(scratch, 1);
    FileCalls.write(event, scratch, 8);
    assertThat(EpollCalls.wait(epoll, scratch, 1, -1, scratch + 32)).isEqualTo(1);
    assertThat(EpollCalls.data(scratch, 0)).isEqualTo(99);
    assertThat(EpollCalls.events(scratch, 0)).isEqualTo(EpollCalls.EPOLLIN);
    ok(FileCalls.close(event));
    ok(FileCalls.close(epoll));
  }

  @Test
  void bootTimeRunsOnAndSignalsAreChecked() throws Exception {
    long before = ProcessCalls.bootTimeNs();
    assertThat(ProcessCalls.bootTimeNs()).isGreaterThanOrEqualTo(before).isPositive();
    Process child = new ProcessBuilder("sleep", "60").start();
    assertThat(ProcessCalls.kill(child.pid(), ProcessCalls.SIGKILL)).isZero();
    assertThat(child.waitFor()).isEqualTo(128 + 9);
  }
}
