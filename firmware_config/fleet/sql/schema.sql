-- Emotion Edge: what many devices say, in PostgreSQL 13 or later. `emotion-edge fleet init` runs this file; it may be
-- run again after an upgrade. With TimescaleDB `fact` and `health` become hypertables, without it they are plain tables.

create table if not exists device (
    device        text primary key,  -- with a place its first level before it: acme/door-3
    tenant        text not null default '',
    site          text not null default '',
    grp           text not null default '',
    version       text not null default '',
    models        jsonb not null default '{}',
    board         text not null default '',
    availability  text not null default '',
    availability_at timestamptz,
    seen_at       timestamptz not null default now()  -- by the database's clock, whatever the device's says
);

alter table device add column if not exists reported jsonb;  -- what became of the fleet's documents
alter table device add column if not exists reported_at timestamptz;
alter table device add column if not exists job jsonb;  -- how far the fleet's job for it is
alter table device add column if not exists job_at timestamptz;

-- What was asked of the fleet: documents and jobs, so that versions count up and a report can be given.
create table if not exists desired (
    tenant   text not null,
    name     text not null,   -- all, a group, or a device
    version  bigint not null,
    document json not null,   -- as it was sent, with its keys in that order
    at       timestamptz not null default now(),
    primary key (tenant, name, version)
);
create table if not exists rollout (
    job      text not null,
    device   text not null,
    wave     int not null,
    state    text not null,
    reason   text not null default '',
    at       timestamptz not null default now(),
    primary key (job, device)
);

-- Which messages are in: the key that makes delivery at least once into storage exactly once.
create table if not exists seen (
    device   text not null,
    session  text not null,
    kind     text not null,
    seq      bigint not null,
    at       timestamptz not null default now(),
    primary key (device, session, kind, seq)
);
create index if not exists seen_at on seen (at);

create table if not exists fact (
    ts       timestamptz not null,   -- the device's clock
    at       timestamptz not null default now(),
    device   text not null,
    session  text not null,
    kind     text not null,
    seq      bigint not null,
    synced   boolean not null,
    late     boolean not null,
    document jsonb not null
);
create index if not exists fact_device on fact (device, ts desc);
create index if not exists fact_kind on fact (kind, ts desc);

create table if not exists health (
    ts       timestamptz not null default now(),
    device   text not null,
    document jsonb not null
);
create index if not exists health_device on health (device, ts desc);

create table if not exists doubled (device text primary key, messages bigint not null default 0);

-- Messages that no row could be made of. They are kept for a look, and never stop those behind them.
create table if not exists parked (
    at      timestamptz not null default now(),
    topic   text not null,
    reason  text not null,
    payload bytea not null
);

do $$
begin
    if exists (select 1 from pg_available_extensions where name = 'timescaledb')
       and current_setting('shared_preload_libraries') like '%timescaledb%' then
        create extension if not exists timescaledb;
        perform create_hypertable('fact', 'ts', chunk_time_interval => interval '1 day', if_not_exists => true, migrate_data => true);
        perform create_hypertable('health', 'ts', chunk_time_interval => interval '1 day', if_not_exists => true, migrate_data => true);
    end if;
end $$;

-- Settings of the fleet, one row.
create table if not exists fleet_setting (
    one            boolean primary key default true check (one),
    k_devices      int not null default 5,     -- no group figure from fewer devices
    k_people       int not null default 5,     -- or from fewer people
    silent_after   interval not null default '10 minutes',
    keep_facts     interval not null default '90 days',
    keep_health    interval not null default '30 days'
);
insert into fleet_setting default values on conflict do nothing;

-- An hour of one device in one row. Rolled up by `emotion-edge fleet roll-up`, which also applies the retention.
create table if not exists hour_of_device (
    hour     timestamptz not null,
    device   text not null,
    seconds  double precision not null,
    people   int not null,
    moods    jsonb not null,   -- label -> seconds in that state
    valence  double precision,
    primary key (hour, device)
);

create or replace function roll_up(since timestamptz) returns bigint language sql as $$
    with minutes as (
        select date_trunc('hour', ts) as hour, device, document from fact where kind = 'summary' and ts >= date_trunc('hour', since)
    ), labels as (
        select hour, device, label, sum(seconds::double precision) as seconds
        from minutes, jsonb_each_text(document -> 'time_in_state_s') as each(label, seconds) group by 1, 2, 3
    ), told as (
        insert into hour_of_device (hour, device, seconds, people, moods, valence)
        select m.hour, m.device, sum((m.document ->> 'seconds')::double precision),
               coalesce(max((m.document ->> 'people_max')::int), 0),
               coalesce((select jsonb_object_agg(l.label, l.seconds) from labels l where l.hour = m.hour and l.device = m.device), '{}'),
               avg((m.document ->> 'valence')::double precision)
        from minutes m group by m.hour, m.device
        on conflict (hour, device) do update
            set seconds = excluded.seconds, people = excluded.people, moods = excluded.moods, valence = excluded.valence
        returning 1
    ) select count(*) from told
$$;

create or replace function forget_old() returns void language sql as $$
    delete from fact where at < now() - (select keep_facts from fleet_setting);
    delete from seen where at < now() - (select keep_facts from fleet_setting);
    delete from health where ts < now() - (select keep_health from fleet_setting);
    delete from parked where at < now() - (select keep_health from fleet_setting);
$$;

create or replace function forget_device(name text) returns void language sql as $$
    delete from fact where device = name;
    delete from seen where device = name;
    delete from health where device = name;
    delete from hour_of_device where device = name;
    delete from doubled where device = name;
    delete from rollout where device = name;
    delete from device where device = name;
$$;

-- Views of the operator: how devices are, never how people are.
create or replace view fleet_devices as
    select d.device, d.tenant, d.site, d.grp, d.version, d.board, d.availability, d.seen_at,
           h.document ->> 'fps' as fps, (h.document ->> 'temperature_c')::double precision as temperature_c,
           (h.document ->> 'cpu_percent')::double precision as cpu_percent, h.document ->> 'degraded' as degraded
    from device d left join lateral (
        select document from health where health.device = d.device order by ts desc limit 1
    ) h on true;

create or replace view fleet_silent as
    select device, site, grp, availability, seen_at from device
    where seen_at < now() - (select silent_after from fleet_setting) order by seen_at;

create or replace view fleet_versions as
    select version, count(*) as devices, min(seen_at) as seen_from, max(seen_at) as seen_to from device group by version;

create or replace view fleet_hot as
    select device, site, temperature_c from fleet_devices where temperature_c >= 75 order by temperature_c desc;

-- Devices that say so, and those whose clock is wrong without their knowledge.
create or replace view fleet_unsynced as
    select device, max(at) as at from fact
    where at > now() - interval '1 day'
      and (not synced or ts > at + interval '5 minutes' or (not late and ts < at - interval '1 hour'))
    group by device;

-- Devices that do not have the newest document that is for them.
create or replace view fleet_behind as
    with newest as (select tenant, name, max(version) as version from desired group by tenant, name)
    select d.device, d.tenant, n.name as document, n.version as wanted,
           (d.reported -> 'documents' ->> n.name)::bigint as holds, d.reported ->> 'error' as error
    from device d join newest n on n.tenant = d.tenant and n.name in ('all', d.grp, regexp_replace(d.device, '^.*/', ''))
    where d.tenant || d.site || d.grp <> ''
      and coalesce((d.reported -> 'documents' ->> n.name)::bigint, 0) < n.version;

create or replace view fleet_jobs as
    select device, site, grp, job ->> 'job' as job, job ->> 'state' as state, job ->> 'reason' as reason, job_at
    from device where job is not null order by job_at desc;

-- Numbers are without gaps on the device: what is missing between the first and the last that arrived was lost.
create or replace view fleet_lost as
    select device, session, kind, max(seq) - min(seq) + 1 - count(*) as missing from seen
    group by device, session, kind having max(seq) - min(seq) + 1 > count(*);

-- How people are, in groups alone. A figure comes from whole hours, from at least k devices and k people, and only if
-- what is left of its site is nothing or large enough too: else the difference of two figures would be somebody's.
create or replace view group_mood as
    with setting as (select k_devices, k_people from fleet_setting),
    hours as (
        select h.hour, d.tenant, d.site, d.grp, h.device, h.seconds, h.people, h.moods, h.valence
        from hour_of_device h join device d using (device) where h.hour < date_trunc('hour', now())
    ), sizes as (
        select hour, tenant, site, grp, count(*) as devices, sum(people) as people from hours group by 1, 2, 3, 4
    ), sites as (
        select hour, tenant, site, sum(devices) as devices, sum(people) as people,
               -- groups that are too small by themselves, together
               sum(devices) filter (where devices < (select k_devices from setting) or people < (select k_people from setting)) as rest_devices,
               sum(people) filter (where devices < (select k_devices from setting) or people < (select k_people from setting)) as rest_people
        from sizes group by 1, 2, 3
    ), allowed as (
        select s.* from sizes s join sites t using (hour, tenant, site), setting
        where s.devices >= k_devices and s.people >= k_people
          and (t.rest_devices is null or (t.rest_devices >= k_devices and t.rest_people >= k_people))
    ), moods as (
        select h.hour, h.tenant, h.site, h.grp, label, sum(value::double precision) as seconds
        from hours h join allowed using (hour, tenant, site, grp), jsonb_each_text(h.moods) as each(label, value)
        group by 1, 2, 3, 4, 5
    )
    select a.hour, a.tenant, a.site, a.grp, a.devices, m.label,
           round((m.seconds / sum(m.seconds) over (partition by a.hour, a.tenant, a.site, a.grp))::numeric, 2) as share
    from allowed a join moods m using (hour, tenant, site, grp);
