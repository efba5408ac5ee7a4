package io.diskengine.bench;

import io.diskengine.spdkrpc.RpcRequest;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Devices on files, of the size of all disks that are measured, made by RPC. */
final class Stacks {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int MIB = 1 << 20;

  private Stacks() {}

  /** A thick lvol; its name. */
  static String lvol(EngineProcess engine, Path file) {
    aio(engine, "lvol-base", file);
    call(engine, "bdev_lvol_create_lvstore", "{'bdev_name':'lvol-base','lvs_name':'bench'}");
    call(
        engine,
        "bdev_lvol_create",
        "{'lvs_name':'bench','lvol_name':'thick','size_in_mib':%d,'thin_provision':false}"
            .formatted(Workload.DISK_BYTES / MIB));
    return "bench/thick";
  }

  /** A raid1 without superblock, so that it is as large as its legs. */
  static String raid1(EngineProcess engine, Path first, Path second) {
    aio(engine, "leg0", first);
    aio(engine, "leg1", second);
    call(
        engine,
        "bdev_raid_create",
        "{'name':'raid1','raid_level':'raid1','base_bdevs':['leg0','leg1']}");
    return "raid1";
  }

  static void aio(EngineProcess engine, String name, Path file) {
    call(
        engine,
        "bdev_aio_create",
        "{'name':'%s','filename':'%s','block_size':%d}"
            .formatted(name, file, NvmeTcpPath.BLOCK_BYTES));
  }

  static JsonNode call(EngineProcess engine, String method, String params) {
    JsonNode json = JSON.readTree(params.replace('\'', '"'));
    return engine.spdk().call(RpcRequest.raw(method, json)).orElseThrow();
  }
}
