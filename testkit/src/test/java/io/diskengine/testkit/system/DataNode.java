package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.lvcheck.FileMedium;
import io.diskengine.engine.lvcheck.Report;
import io.diskengine.engine.lvcheck.StoreCheck;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.testkit.vhost.VhostDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** An engine that examines nothing by itself, as agents run it, asked by RPC. */
final class DataNode implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final long DISK_BYTES = 2L << 30;
  private static final long PATIENCE_NS = 60_000_000_000L;
  private static final long PAUSE_NS = 20_000_000;

  final Path directory;
  private final Engine engine;
  private final SpdkRpcClient rpc;
  private final int port;

  DataNode(Path parent, String name) throws IOException {
    directory = Files.createDirectories(parent.resolve(name));
    String socket = directory.resolve("rpc").toString();
    engine = Engine.start(new EngineOptions(socket, directory, true, ReactorOptions.of(1)));
    rpc = SpdkRpcClient.connect(socket);
    call("bdev_set_options", "{'bdev_auto_examine':false}");
    call("framework_start_init", "{}");
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
  }

  JsonNode call(String method, String params) {
    return rpc.call(RpcRequest.raw(method, JSON.readTree(params.replace('\'', '"')))).orElseThrow();
  }

  JsonNode await(String method, String params, Predicate<JsonNode> wanted) {
    long until = System.nanoTime() + PATIENCE_NS;
    JsonNode seen = call(method, params);
    while (!wanted.test(seen)) {
      assertThat(System.nanoTime()).as(method + " still answers " + seen).isLessThan(until);
      LockSupport.parkNanos(PAUSE_NS);
      seen = call(method, params);
    }
    return seen;
  }

  // ---- a storage node

  private Path disk() {
    return directory.resolve("disk.img");
  }

  /** An lvol store {@code lvs} on a sparse file, and a transport. */
  void store() throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(disk().toFile(), "rw")) {
      file.setLength(DISK_BYTES);
    }
    call(
        "bdev_aio_create",
        "{'name':'disk','filename':'%s','block_size':4096}".formatted(disk().toString()));
    call("bdev_lvol_create_lvstore", "{'bdev_name':'disk','lvs_name':'lvs'}");
    call("nvmf_create_transport", "{'trtype':'TCP'}");
  }

  void lvol(String name, long sizeMib) {
    call(
        "bdev_lvol_create",
        "{'lvs_name':'lvs','lvol_name':'%s','size_in_mib':%d,'thin_provision':true}"
            .formatted(name, sizeMib));
  }

  private static String nqn(String lvol) {
    return "nqn.2026-11.io.diskengine:test:" + lvol;
  }

  private String address() {
    return "'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d'".formatted(port);
  }

  void export(String lvol) {
    String nqn = nqn(lvol);
    call("nvmf_create_subsystem", "{'nqn':'%s','allow_any_host':true}".formatted(nqn));
    call(
        "nvmf_subsystem_add_ns",
        "{'nqn':'%s','namespace':{'bdev_name':'lvs/%s'}}".formatted(nqn, lvol));
    call(
        "nvmf_subsystem_add_listener",
        "{'nqn':'%s','listen_address':{%s}}".formatted(nqn, address()));
  }

  /** This node attaches an lvol of another as controller {@code name}: bdev {@code name}n1. */
  void attach(String name, DataNode storage, String lvol) {
    call(
        "bdev_nvme_attach_controller",
        "{'name':'%s',%s,'subnqn':'%s','ctrlr_loss_timeout_sec':-1,'reconnect_delay_sec':1}"
            .formatted(name, storage.address(), nqn(lvol)));
  }

  long allocatedClusters(String lvol) {
    return call("bdev_get_bdevs", "{'name':'lvs/%s'}".formatted(lvol))
        .at("/0/driver_specific/lvol/num_allocated_clusters")
        .asLong();
  }

  /** A session ends a moment after its socket; until then the controller is busy. */
  void deleteVhost(String controller) {
    String name = "{'ctrlr':'%s'}".formatted(controller);
    await(
        "vhost_get_controllers",
        name.replace("ctrlr", "name"),
        seen -> seen.at("/0/sessions").isEmpty());
    call("vhost_delete_controller", name);
  }

  /** The digest of a range of a device, read as a guest would. */
  String md5(String bdev, long offset, long length) {
    call(
        "vhost_create_blk_controller",
        "{'ctrlr':'reader','dev_name':'%s','readonly':true}".formatted(bdev));
    try (VhostDisk reader = new VhostDisk(directory.resolve("reader"))) {
      MessageDigest digest = MessageDigest.getInstance("MD5");
      for (long at = offset; at < offset + length; at += VhostDisk.MAX_BYTES) {
        int piece = (int) Math.min(VhostDisk.MAX_BYTES, offset + length - at);
        digest.update(reader.read(at, piece));
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    } finally {
      deleteVhost("reader");
    }
  }

  /** The store as the check sees it, once the engine is closed. */
  Report checkStore() throws IOException {
    if (!(FileMedium.open(disk().toString(), false) instanceof FileMedium.Opened.Ok(var medium))) {
      throw new AssertionError(disk() + " cannot be opened");
    }
    try (medium) {
      if (StoreCheck.check(medium) instanceof StoreCheck.Result.Checked(Report report)) {
        return report;
      }
      throw new AssertionError("no store on " + disk());
    }
  }

  @Override
  public void close() {
    rpc.close();
    engine.close();
  }
}
