package io.diskengine.bench;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.nvme.C2hData;
import io.diskengine.nvme.CapsuleCmd;
import io.diskengine.nvme.CapsuleResp;
import io.diskengine.nvme.Cqe;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.Sqe;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;

/**
 * The cost of moving the bytes with nothing behind them, over one TCP connection on loopback: a
 * read is 72 bytes in and 24 + its length out, a write 72 + its length in and 24 out. The responder
 * is a thread that polls; replies of a batch go out in one send.
 */
final class LoopbackResponder implements Side {
  private static final int BUFFER_BYTES = 2 << 20;
  private static final InetSocketAddress ANY_PORT = new InetSocketAddress("127.0.0.1", 0);

  private final ClosedLoop loop = new ClosedLoop();

  @Override
  public String name() {
    return "loopback responder";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    int listener = Stream.check(SocketCalls.socket(SocketCalls.AF_INET, SocketCalls.SOCK_STREAM));
    Stream.check(SocketCalls.bind(listener, ANY_PORT));
    Stream.check(SocketCalls.listen(listener, 1));
    Thread server =
        Thread.ofPlatform().daemon().name("responder").start(() -> serve(listener, workload));
    try (Stream stream = Stream.connect(SocketCalls.localAddress(listener));
        NvmeTcpPath path = NvmeTcpPath.plain(stream, workload)) {
      return loop.run(path, workload, durationNs, () -> cpuNs(server));
    } finally {
      FileCalls.close(listener);
    }
  }

  static long cpuNs(Thread thread) {
    return ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.threadId());
  }

  private static void serve(int listener, Workload workload) {
    int fd = Stream.check(SocketCalls.accept(listener, 0));
    Stream.noDelay(fd);
    try (Stream stream = new Stream(fd);
        Arena arena = Arena.ofConfined()) {
      new Server(stream, workload, arena).loop();
    } catch (Stream.EndedException end) {
      // the measured client has gone
    } catch (IllegalStateException reset) {
      // so it has, with replies unread
    }
  }

  private static final class Server {
    private final Stream stream;
    private final boolean write;
    private final int requestBytes;
    private final int replyBytes;
    private final long in;
    private final long out;
    private int outBytes;

    Server(Stream stream, Workload workload, Arena arena) {
      this.stream = stream;
      write = workload.write();
      requestBytes = CapsuleCmd.SIZE + (write ? workload.bytes() : 0);
      replyBytes = CapsuleResp.SIZE + (write ? 0 : workload.bytes());
      in = arena.allocate(BUFFER_BYTES, 64).address();
      out = arena.allocate(BUFFER_BYTES, 64).address();
    }

    void loop() {
      int have = 0;
      while (true) {
        int got = stream.receiveNow(in + have, BUFFER_BYTES - have);
        if (got == 0) {
          Thread.yield();
          continue;
        }
        have += got;
        int at = 0;
        for (; have - at >= requestBytes; at += requestBytes) {
          reply(Sqe.cid(in + at + CapsuleCmd.SQE));
        }
        if (at > 0) {
          flush();
          have -= at;
          NativeMemory.copy(in + at, in, have);
        }
      }
    }

    private void reply(int cid) {
      if (outBytes + replyBytes > BUFFER_BYTES) {
        flush();
      }
      long pdu = out + outBytes;
      if (write) {
        PduHeader.init(pdu, PduHeader.CAPSULE_RESP, 0, CapsuleResp.SIZE, 0, CapsuleResp.SIZE);
        Cqe.init(pdu + CapsuleResp.CQE, cid, 0, 0);
      } else {
        int flags = PduHeader.LAST_PDU | PduHeader.SUCCESS;
        PduHeader.init(pdu, PduHeader.C2H_DATA, flags, C2hData.SIZE, C2hData.SIZE, replyBytes);
        C2hData.cccid(pdu, cid);
        C2hData.datao(pdu, 0);
        C2hData.datal(pdu, replyBytes - C2hData.SIZE);
      }
      outBytes += replyBytes;
    }

    private void flush() {
      stream.send(out, outBytes);
      outBytes = 0;
    }
  }
}
