<#-- The payload for one event, which is `input`. -->
{
  "user": "${input.user_id?json_string}",
  "event": "${input.event_type?json_string}",
  "time": "${input.event_time?json_string}",
  "revenue": ${(input.event_properties.revenue)!0},
  "email": <#if input.user_properties.email??>"${input.user_properties.email?json_string}"<#else>null</#if>
}
