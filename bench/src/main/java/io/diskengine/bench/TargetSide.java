package io.diskengine.bench;

import io.diskengine.spdkrpc.NvmfMethods;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.Trid;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;

/** The engine's NVMe/TCP target with one bdev, over one connection. */
final class TargetSide implements Side, AutoCloseable {
  /** Room for 128 outstanding commands: a queue of n entries holds n - 1. */
  private static final int QUEUE_DEPTH = 256;

  private final ClosedLoop loop = new ClosedLoop();
  private final EngineProcess engine;
  private final SocketAddress address;
  private final String nqn;

  private TargetSide(EngineProcess engine, SocketAddress address, String nqn) {
    this.engine = engine;
    this.address = address;
    this.nqn = nqn;
  }

  static void createTransport(EngineProcess engine) {
    NvmfMethods.CreateTransport transport =
        new NvmfMethods.CreateTransport(
            "TCP", QUEUE_DEPTH, null, null, null, null, null, null, null, null, null, null, null);
    engine.spdk().call(NvmfMethods.createTransport(transport)).orElseThrow();
  }

  /** Exports the bdev and writes all of it once. */
  static TargetSide export(EngineProcess engine, String bdev) {
    TargetSide side = exportUnwritten(engine, bdev);
    Workload fill = Workload.of(128, true, 8);
    try (NvmeTcpPath path = side.connect(fill)) {
      ClosedLoop.fill(path, fill);
    }
    return side;
  }

  /** Exports the bdev as it is. */
  static TargetSide exportUnwritten(EngineProcess engine, String bdev) {
    SpdkRpcClient spdk = engine.spdk();
    String nqn = "nqn.2026-11.io.diskengine:bench:" + bdev.replace('/', '.');
    int port = freePort();
    spdk.call(NvmfMethods.createSubsystem(new NvmfMethods.CreateSubsystem(nqn, true)))
        .orElseThrow();
    spdk.call(NvmfMethods.addNs(nqn, new NvmfMethods.Namespace(bdev))).orElseThrow();
    spdk.call(NvmfMethods.addListener(nqn, Trid.listen("TCP", "127.0.0.1", port))).orElseThrow();
    return new TargetSide(engine, new InetSocketAddress("127.0.0.1", port), nqn);
  }

  NvmeTcpPath connect(Workload workload) {
    return NvmeTcpPath.connect(address, nqn, workload);
  }

  private static int freePort() {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String name() {
    return "target";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (NvmeTcpPath path = NvmeTcpPath.connect(address, nqn, workload)) {
      return loop.run(path, workload, durationNs, engine::cpuNs);
    }
  }

  /** Ends the export, so that the bdev can be claimed by something else. */
  @Override
  public void close() {
    engine.spdk().call(NvmfMethods.deleteSubsystem(nqn)).orElseThrow();
  }
}
